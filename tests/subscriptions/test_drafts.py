"""What was typed when the sign-in had ended."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from subscriptions import drafts
from subscriptions.models import Draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def ben():
    return get_user_model().objects.create_user("ben")


def test_a_draft_is_its_owners_alone(ann, ben):
    drafts.keep(ann.pk, "s-1", "Typed")
    assert drafts.kept(ann.pk, "s-1") == "Typed"
    assert drafts.kept(ben.pk, "s-1") is None
    assert drafts.kept(ann.pk, "s-2") is None


def test_the_last_text_counts_and_can_be_forgotten(ann):
    drafts.keep(ann.pk, "s-1", "First")
    drafts.keep(ann.pk, "s-1", "Second")
    assert drafts.kept(ann.pk, "s-1") == "Second"
    drafts.forget(ann.pk, "s-1")
    assert not Draft.objects.exists()


def test_ten_minutes_and_it_is_gone(ann):
    drafts.keep(ann.pk, "s-1", "Typed")
    Draft.objects.update(kept_at=timezone.now() - timedelta(minutes=10, seconds=1))
    assert drafts.kept(ann.pk, "s-1") is None
    assert not Draft.objects.exists()


def test_at_most_five_for_one_person(ann, ben):
    drafts.keep(ben.pk, "s-1", "Ben's")
    for number in range(7):
        drafts.keep(ann.pk, f"s-{number}", "Typed")
    assert sorted(Draft.objects.filter(user=ann).values_list("subscription_id", flat=True)) == [
        f"s-{number}" for number in range(2, 7)
    ]
    assert drafts.kept(ben.pk, "s-1") == "Ben's"


def test_nul_and_floods_fit_into_the_database(ann):
    drafts.keep(ann.pk, "s-1", "a\0b" + "x" * 20_000)
    assert drafts.kept(ann.pk, "s-1").startswith("a\ufffdb")
    assert len(drafts.kept(ann.pk, "s-1")) == 10_000
