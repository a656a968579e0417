"""Undo: gives back the name from before, once, and only where nobody has changed it since."""

import re
from urllib.parse import quote

import pytest

from aosportal.passport import tokens
from subscriptions import aos as aos_client
from subscriptions.models import Gate, Rename
from tests.conftest import browser, sign_in

from .fake_aos import Reply, item
from .ledgers import intended, states
from .pages import LIST, field, said, save, words

pytestmark = pytest.mark.django_db
HISTORY = "/subscriptions/renames/"


def undo_forms(response):
    """Each Undo of a page: its address and what its button sends."""
    found = re.findall(r'action="([^"]+/undo/)".*?name="once" value="([^"]+)"', response.content.decode(), flags=re.S)
    return [(address, {"once": once}) for address, once in found]


def press_undo(client, page):
    """Press the only Undo of the page."""
    ((address, fields),) = undo_forms(page)
    return client.post(address, fields)


def renamed(client, wanted="New"):
    """Rename, and return the list that tells it."""
    assert save(client, wanted).status_code == 302
    return client.get(LIST)


def wanted_by(aos):
    return [body["displayName"] for _, body in aos.sent]


def let_time_pass():
    """What AOS asked to wait for is over."""
    Gate.objects.all().delete()
    aos_client._policy.cache_clear()


@pytest.fixture
def name(aos, alice, token):
    """Set the name in AOS, behind the portal's back."""

    def change(name):
        aos.items[token(alice)][0]["displayName"] = name

    return change


@pytest.mark.parametrize("place", ["message", "history"])
def test_undo_gives_the_old_name_back(hers, aos, place):
    page = renamed(hers)
    page = page if place == "message" else hers.get(HISTORY)
    assert "Renamed “New” to “Old name”." in said(press_undo(hers, page), hers)
    assert wanted_by(aos) == ["New", "Old name"]
    latest, first = Rename.objects.order_by("-created")
    assert (latest.undoes, latest.name_seen, latest.name_wanted) == (first, "New", "Old name")


def test_e32_undo_pressed_twice_sends_once_wherever_the_buttons_are(hers, aos):
    told, history = renamed(hers), hers.get(HISTORY)
    for page in (told, told, history):
        assert "Renamed “New” to “Old name”." in said(press_undo(hers, page), hers)
    assert wanted_by(aos) == ["New", "Old name"]


def test_an_undo_can_be_undone(hers, aos):
    press_undo(hers, renamed(hers))
    assert "Renamed “Old name” to “New”." in said(press_undo(hers, hers.get(LIST)), hers)
    assert "Renamed “New” to “Old name”." in said(press_undo(hers, hers.get(HISTORY)), hers)
    assert wanted_by(aos) == ["New", "Old name", "New", "Old name"]


@pytest.mark.parametrize("theirs", ["Theirs", "new", "New ", None])
def test_e14_undo_is_refused_with_both_names_when_the_name_has_changed_since(hers, aos, name, theirs):
    page = renamed(hers)
    name(theirs)
    refused = press_undo(hers, page)
    assert refused.status_code == 409
    for text in ("Not undone: it was renamed since", theirs or "Unnamed", "Undo would have made it: Old name"):
        assert text in words(refused)
    assert wanted_by(aos) == ["New"]
    assert "Not undone" not in words(hers.get(LIST))  # it was told
    assert "/subscriptions/s-1/rename/" in refused.content.decode()


def test_e14_it_stays_refused_when_pressed_again(hers, aos, name):
    page = renamed(hers)
    name("Theirs")
    first, second = press_undo(hers, page), press_undo(hers, page)
    assert (first.status_code, second.status_code) == (409, 409)
    assert words(first) == words(second)
    assert wanted_by(aos) == ["New"]


def test_undo_of_what_has_the_old_name_again_sends_nothing(hers, aos, name):
    page = renamed(hers)
    name("Old name")
    assert "It is already called “Old name”." in said(press_undo(hers, page), hers)
    assert wanted_by(aos) == ["New"]


def test_e30_undo_of_a_name_that_aos_made_different(hers, aos):
    aos.makes = str.upper
    page = renamed(hers)
    assert "AOS took the new name, but shows it as “NEW”." in words(page)
    aos.makes = str
    assert "Renamed “NEW” to “Old name”." in said(press_undo(hers, page), hers)


def test_e30_undo_while_the_list_still_shows_the_old_name_does_not_take_that_for_undone(hers, aos, name):
    aos.applies, aos.puts = False, [Reply.of({"id": "s-1", "displayName": "New"})]
    assert "its list still shows the old one" in words(renamed(hers))
    failed = press_undo(hers, hers.get(HISTORY))
    assert (failed.status_code, failed["Retry-After"]) == (503, "5")
    assert "Not undone" in words(failed)
    aos.applies = True
    name("New")
    assert "Renamed “New” to “Old name”." in said(press_undo(hers, failed), hers)
    assert wanted_by(aos) == ["New", "Old name"]


# --- When it does not work


@pytest.mark.parametrize(
    ("reply", "status", "text"),
    [
        (Reply(503, "", {"Retry-After": "7"}), 503, "Wait 7 seconds"),
        (Reply.of({}, 403), 403, "does not allow"),
        (Reply.of({}, 404), 404, "has no subscription"),
        (Reply.of({}, 422), 422, "could not be reached"),
    ],
)
def test_an_undo_that_aos_did_not_do_offers_to_try_again_and_that_works(hers, aos, reply, status, text):
    page = renamed(hers)
    aos.applies, aos.puts = False, [reply] * 2
    failed = press_undo(hers, page)
    assert failed.status_code == status
    assert failed.headers.get("Retry-After") == ("7" if status == 503 else None)
    for each in ("Not undone", text, "Try again"):
        assert each in words(failed)
    aos.applies, aos.puts = True, []
    let_time_pass()
    assert "Renamed “New” to “Old name”." in said(press_undo(hers, failed), hers)


def test_an_undo_that_could_not_begin_can_be_tried_again(hers, aos):
    page = renamed(hers)
    aos.gets = [Reply(500, "")]
    failed = press_undo(hers, page)
    assert failed.status_code == 502
    assert "Try again" in words(failed)
    assert "Renamed “New” to “Old name”." in said(press_undo(hers, failed), hers)


def test_e28_an_undo_whose_answer_was_lost_is_checked_and_told_later(hers, aos, name):
    page = renamed(hers)
    aos.applies, aos.puts = False, [Reply(500, "")]
    failed = press_undo(hers, page)
    assert failed.status_code == 502
    assert "Not known yet whether it was undone" in words(failed)
    name("Old name")
    assert "Renamed “New” to “Old name”." in words(hers.get(LIST))
    assert wanted_by(aos) == ["New", "Old name"]


@pytest.mark.parametrize("trouble", [tokens.SignInRequired("over"), tokens.PassportUnavailable("ill")])
def test_an_undo_without_a_token_sends_nothing(hers, aos, monkeypatch, trouble):
    page = renamed(hers)
    with monkeypatch.context() as broken:
        broken.setattr(tokens, "access_token_for", lambda grant: (_ for _ in ()).throw(trouble))
        response = press_undo(hers, page)
    assert response.status_code == (302 if isinstance(trouble, tokens.SignInRequired) else 503)
    assert wanted_by(aos) == ["New"]


def test_after_the_sign_in_that_an_undo_needs_it_is_asked_for_once_more(hers, aos, alice, monkeypatch):
    """A browser comes back from signing in with a GET, which changes nothing."""
    page = renamed(hers)
    with monkeypatch.context() as broken:
        broken.setattr(tokens, "access_token_for", lambda grant: (_ for _ in ()).throw(tokens.SignInRequired("over")))
        response = press_undo(hers, page)
    ((address, _),) = undo_forms(page)
    assert response["Location"] == f"/login/?next={quote(address, safe='')}"
    alice.grant.save()  # as good as a new one
    sign_in(hers, alice)
    asked = hers.get(address)
    assert asked.status_code == 200
    for text in (
        "Undo this rename?",
        "Nothing was sent yet.",
        "You renamed it to: New",
        "Undo makes it again: Old name",
    ):
        assert text in words(asked)
    assert wanted_by(aos) == ["New"]
    assert "Renamed “New” to “Old name”." in said(press_undo(hers, asked), hers)


# --- What cannot be undone


@pytest.mark.parametrize("before", [None, "", "   "])
def test_what_was_unnamed_has_no_undo(hers, aos, name, before):
    name(before)
    page = renamed(hers)
    assert "Named it “New”." in words(page)
    assert undo_forms(page) == undo_forms(hers.get(HISTORY)) == []


@pytest.mark.parametrize("state", ["pending", "not_done", "unnamed"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_did_not_happen_cannot_be_undone_by_its_address_either(hers, aos, alice, name, state, method):
    if state == "unnamed":
        name(None)
        renamed(hers)
        row = Rename.objects.get()
    else:
        row = intended(alice.grant, seconds_ago=0 if state == "pending" else 70)
        hers.get(LIST)
        assert states(row)[-1] == ("unknown" if state == "pending" else "not_done")
    sent = len(aos.sent)
    response = getattr(hers, method)(f"{HISTORY}{row.pk}/undo/")
    assert response.status_code == 409
    assert "This cannot be undone" in words(response)
    assert len(aos.sent) == sent


def test_d01_nobody_undoes_somebody_elses_rename(hers, aos, bob, token):
    ((address, fields),) = undo_forms(renamed(hers))
    his = browser()
    sign_in(his, bob)
    aos.items[token(bob)] = [item(name="New")]
    asked = len(aos.requests)
    assert [his.get(address).status_code, his.post(address, fields).status_code] == [404, 404]
    assert len(aos.requests) == asked


def test_d01_a_visitor_is_led_to_the_sign_in_page(hers, aos, client):
    ((address, fields),) = undo_forms(renamed(hers))
    response = browser().post(address, fields)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={address}")
    assert wanted_by(aos) == ["New"]


@pytest.mark.parametrize(
    ("method", "status"), [("get", 200), ("head", 200), ("options", 405), ("put", 405), ("delete", 405), ("patch", 405)]
)
def test_a24_only_a_post_undoes(hers, aos, method, status):
    ((address, _),) = undo_forms(renamed(hers))
    assert getattr(hers, method)(address).status_code == status
    assert wanted_by(aos) == ["New"]


def test_a24_undo_needs_our_own_form(hers, aos):
    ((address, fields),) = undo_forms(renamed(hers))
    strict = browser(enforce_csrf_checks=True)
    strict.cookies = hers.cookies
    assert strict.post(address, fields).status_code == 403
    assert wanted_by(aos) == ["New"]


@pytest.mark.parametrize("once", ["", "nonsense", "\0", None])
def test_a_button_that_does_not_say_which_it_is_undoes_all_the_same(hers, aos, once):
    ((address, _),) = undo_forms(renamed(hers))
    hers.post(address, {} if once is None else {"once": once})
    assert wanted_by(aos) == ["New", "Old name"]


# --- Which ones the history offers


def test_the_history_offers_only_what_may_still_work(hers, aos, alice, name):
    renamed(hers, "Second")
    renamed(hers, "Third")
    ((address, _),) = undo_forms(hers.get(HISTORY))
    assert str(Rename.objects.latest("created").pk) in address


@pytest.mark.parametrize("reply", [Reply.of({}, 422), Reply.of({}, 403), Reply(429, "", {})])
def test_a_later_rename_that_was_refused_takes_no_undo_away(hers, aos, reply):
    renamed(hers)
    aos.applies, aos.puts = False, [reply] * 2
    save(hers, "Refused")
    ((address, _),) = undo_forms(hers.get(HISTORY))
    assert str(Rename.objects.earliest("created").pk) in address


def test_a_later_rename_of_somebody_else_in_the_portal_takes_it_away(hers, aos, bob):
    renamed(hers)
    intended(bob.grant, seen="New", seconds_ago=0)
    assert undo_forms(hers.get(HISTORY)) == []


def test_the_button_says_what_it_undoes(hers):
    page = renamed(hers)
    assert "Undo the rename to New" in words(page)
    assert field(page, "once")
