"""What went wrong lately, on the account page."""

import pytest

from aosportal.passport.models import RecentFailure
from tests.conftest import browser, sign_in

from .fake_aos import Reply
from .pages import LIST, words

pytestmark = pytest.mark.django_db


def fail(client, aos, status=500):
    aos.gets = [Reply(status, "")] * 3
    response = client.get(LIST, headers={"Cache-Control": "no-cache"})
    aos.gets = []
    return response


def test_a_failure_is_told_with_the_id_that_its_answer_carried(hers, aos, bob):
    failed = fail(hers, aos)
    page = words(hers.get("/account/"))
    assert "AOS gave no usable answer" in page
    assert failed["X-Request-ID"] in page

    other = browser()
    sign_in(other, bob)
    assert failed["X-Request-ID"] not in words(other.get("/account/"))


def test_the_last_ten_are_kept(hers, aos):
    ids = [fail(hers, aos, 403)["X-Request-ID"] for _ in range(12)]
    kept = RecentFailure.objects.order_by("pk").values_list("request_id", flat=True)
    assert list(kept) == ids[2:]


def test_a_rename_that_fails_is_told_too(hers, aos):
    opened = hers.get("/subscriptions/s-1/rename/")
    aos.gets = [Reply(500, "")]
    failed = hers.post(
        "/subscriptions/s-1/rename/", {"display_name": "x", "seen": opened.context["form"]["seen"].value()}
    )
    assert failed["X-Request-ID"] in words(hers.get("/account/"))
