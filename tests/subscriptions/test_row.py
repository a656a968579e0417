"""Renaming in a row of the list, as htmx asks for it: the answer is a row, never a page in a row."""

import pytest

from aosportal.passport.models import Grant
from subscriptions import drafts
from subscriptions.models import Draft, Notice
from tests.conftest import browser

from .fake_aos import Reply, item
from .pages import LIST, RENAME, field, said, save, words

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


def opened(client):
    response = client.get(RENAME, headers=HX)
    assert response.status_code == 200
    return response


def saved(client, form, wanted):
    data = {"display_name": wanted, **{name: field(form, name) for name in ("seen", "once")}}
    return client.post(RENAME, data, headers=HX)


def is_row(response):
    text = response.content.decode().strip()
    return text.startswith("<tr") and text.endswith("</tr>") and "<html" not in text


def test_the_field_opens_in_the_row(hers):
    form = opened(hers)
    assert is_row(form)
    assert field(form, "display_name") == "Old name"


def test_the_result_and_undo_are_in_the_row_and_told_once(hers, aos):
    done = saved(hers, opened(hers), "New")
    assert is_row(done)
    assert "Renamed. Before: “Old name”." in words(done)
    assert "Undo" in words(done)
    assert not Notice.objects.exists()
    assert "Renamed" not in words(hers.get(LIST))


def test_undo_in_the_row(hers, aos):
    done = saved(hers, opened(hers), "New")
    (action,) = [line.split('"')[1] for line in done.content.decode().split() if line.startswith('action="')]
    undone = hers.post(action, {"once": field(done, "once")}, headers=HX)
    assert is_row(undone)
    assert "Renamed. Before: “New”." in words(undone)
    assert [body["displayName"] for _, body in aos.sent] == ["New", "Old name"]


def test_undo_of_what_was_renamed_since_shows_both_names(hers, aos, alice, token):
    done = saved(hers, opened(hers), "New")
    aos.items[token(alice)][0]["displayName"] = "Theirs"
    (action,) = [line.split('"')[1] for line in done.content.decode().split() if line.startswith('action="')]
    refused = hers.post(action, {"once": field(done, "once")}, headers=HX)
    assert (refused.status_code, len(aos.sent)) == (409, 1)
    assert is_row(refused)
    assert "Theirs" in words(refused)
    assert "Old name" in words(refused)


def test_an_untouched_field_closes_again(hers, aos):
    same = saved(hers, opened(hers), "Old name")
    assert is_row(same)
    assert "Rename" in words(same)
    assert aos.sent == []


@pytest.mark.parametrize(
    ("reply", "status", "text"),
    [
        (Reply.of({"title": "no"}, 403), 403, "does not allow"),
        (Reply.of({"validationDetails": {"displayName": ["Too plain."]}}, 400), 422, "Too plain."),
        (Reply.of({"title": "gone"}, 404), 404, "no subscription with this id"),
    ],
)
def test_a_refusal_stays_in_the_row_with_what_was_typed(hers, aos, reply, status, text):
    form = opened(hers)
    aos.applies, aos.puts = False, [reply]
    refused = saved(hers, form, " New ")
    assert refused.status_code == status
    assert is_row(refused)
    assert text in words(refused)
    assert field(refused, "display_name") == " New "


def test_a_conflict_shows_both_names_in_the_row(hers, aos, alice, token):
    form = opened(hers)
    aos.items[token(alice)][0]["displayName"] = "Theirs"
    conflict = saved(hers, form, "Mine")
    assert conflict.status_code == 409
    assert is_row(conflict)
    assert "Theirs" in words(conflict)
    assert "Renamed. Before: “Theirs”." in words(saved(hers, conflict, "Mine"))


def test_a_list_that_cannot_be_read_opens_no_page_in_the_row(hers, aos):
    aos.gets = [Reply(500, "")]
    assert is_row(hers.get(RENAME, headers=HX))


def test_a_sign_in_that_has_ended_takes_the_browser_to_the_sign_in_page_and_keeps_the_text(hers, aos, alice):
    form = opened(hers)
    Grant.objects.update(status="ended")
    data = {"display_name": "Typed", **{name: field(form, name) for name in ("seen", "once", "ticket")}}
    response = hers.post(RENAME, data, headers=HX)
    assert response.status_code == 200
    assert response["HX-Redirect"] == f"/login/?next={RENAME}"
    assert "Location" not in response
    assert Draft.objects.get(user=alice).text == "Typed"


def test_a_visitor_is_taken_to_the_sign_in_page(db):
    assert browser().get(RENAME, headers=HX)["HX-Redirect"] == f"/login/?next={RENAME}"


def test_a_form_that_has_become_too_old_goes_on_at_its_own_page(hers, aos):
    strict = browser(enforce_csrf_checks=True)
    strict.cookies = hers.cookies
    form = opened(strict)
    data = {"display_name": "Typed", **{name: field(form, name) for name in ("seen", "once", "ticket")}}
    response = strict.post(RENAME, data, headers=HX)
    assert response["HX-Redirect"] == RENAME
    assert field(strict.get(RENAME), "display_name") == "Typed"
    assert aos.sent == []


def same(client, name):
    answer = client.get("/subscriptions/s-1/same-name/", {"name": name})
    assert answer.status_code == 200
    return answer.json()["same"]


def test_another_with_the_same_name_is_a_hint_that_asks_aos_nothing(hers, aos, alice, bob, token):
    aos.items[token(alice)] += [item("s-2", "Café Bogotá"), item("s-3", None)]
    aos.items[token(bob)] = [item("s-9", "Bobs")]
    assert not same(hers, "Café Bogotá")  # no list was read yet
    hers.get(LIST)
    asked = len(aos.requests)

    assert same(hers, " CAFE bogota ")
    for other in ("Café", "Old name", "Bobs", "", " "):
        assert not same(hers, other)
    assert len(aos.requests) == asked


def test_another_with_the_same_name_is_said_after_saving(hers, aos, alice, token):
    aos.items[token(alice)] += [item("s-2", "New")]
    assert "Another of yours has this name." in words(saved(hers, opened(hers), "new"))
    assert "Another of yours has this name." not in words(saved(hers, opened(hers), "newer"))
    assert "Another of yours has this name." in said(save(hers, "NEW"), hers)


def test_a_kept_text_is_in_the_row_that_opens_and_said_there_alone(hers, alice):
    drafts.keep(alice.pk, "s-1", "Typed")
    row = opened(hers)
    assert field(row, "display_name") == "Typed"
    assert "We kept what you typed" in words(row)
    assert "We kept what you typed" not in words(hers.get(LIST))
