"""The small pieces of rows, which are not made by templates: nothing from AOS becomes markup."""

import pytest
from django.template import Context, Template
from django.utils import translation

from subscriptions.answers import Subscription

HOSTILE = "\"'><script>alert(1)</script>&"
ESCAPED = "&quot;&#x27;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;"


def shown(piece, value):
    return Template("{% load cells %}{{ value|" + piece + " }}").render(Context({"value": value}))


@pytest.mark.parametrize("piece", ["name_cell", "state_cell", "id_cell", "copy_button"])
def test_markup_from_elsewhere_is_text(piece):
    assert "<script" not in shown(piece, HOSTILE)
    assert ESCAPED in shown(piece, HOSTILE)


@pytest.mark.parametrize("piece", ["said_name", "select_label"])
def test_markup_in_a_subscription_is_text(piece):
    for subscription in (Subscription(HOSTILE, "", HOSTILE, ""), Subscription(HOSTILE, "", None, "")):
        assert "<script" not in shown(piece, subscription)
        assert ESCAPED.replace("x27", "39") in shown(piece, subscription).replace("x27", "39")


@pytest.mark.parametrize("nothing", [None, "", "  ", "\u3000"])
def test_no_name_is_said(nothing):
    assert shown("name_cell", nothing) == '<span class="unnamed">Unnamed</span>'
    assert shown("said_name", Subscription("s-1", "", nothing, "")) == "unnamed subscription s-1"


def test_a_state_never_heard_of_has_its_own_word():
    assert shown("state_cell", "Enabled") == '<span class="state good dot">Enabled</span>'
    assert shown("state_cell", "Odd") == '<span class="state ring"><bdi>Odd</bdi></span>'


def test_a_long_id_is_shortened_for_the_eye_alone():
    assert shown("id_cell", "s-1") == '<code class="id">s-1</code>'
    long = "a1b2c3d4-0000-4000-8000-000000000001"
    assert f'title="{long}" data-end="0001"><span>{long}</span>' in shown("id_cell", long)
    assert shown("copy_button", "") == ""


def test_in_spanish():
    with translation.override("es"):
        assert "Copiar s-1" in shown("copy_button", "s-1")
        assert "Habilitad" in shown("state_cell", "Enabled") or "Activ" in shown("state_cell", "Enabled")
        assert shown("said_name", Subscription("s-1", "", "", "")) == "suscripción sin nombre s-1"
