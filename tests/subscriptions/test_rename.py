"""Renaming one subscription, through the pages."""

import logging

import pytest
import responses

from aosportal.passport import tokens
from subscriptions.models import Draft
from tests.conftest import browser, sign_in

from .fake_aos import AOS, Reply, item
from .pages import LIST, RENAME, field, said, save, send, words

pytestmark = pytest.mark.django_db


def test_the_form_shows_the_name_as_it_is(hers):
    page = hers.get(RENAME)
    assert page.status_code == 200
    assert field(page, "display_name") == "Old name"
    for text in ("Display name", "At most 255 characters", "Save", "Cancel"):
        assert text in words(page)


def test_a_rename_is_sent_once_with_exactly_the_name(hers, aos):
    reply = save(hers, "  New name ")
    assert "Renamed “Old name” to “New name”." in said(reply, hers)
    assert aos.sent == [("/api/v2/subscriptions/s-1", {"displayName": "New name"})]
    (put,) = [request for request in aos.requests if request.method == "PUT"]
    assert put.headers["Content-Type"] == "application/json"
    assert int(put.headers["Content-Length"]) == len(put.body)


def test_further_fields_of_the_form_reach_nobody(hers, aos):
    seen = field(hers.get(RENAME), "seen")
    hers.post(RENAME, {"display_name": "New", "seen": seen, "state": "Deleted", "displayName": "x"})
    assert aos.sent == [("/api/v2/subscriptions/s-1", {"displayName": "New"})]


def test_a_name_for_the_unnamed(hers, aos):
    next(iter(aos.items.values()))[0]["displayName"] = None
    assert "Named it “New”." in said(save(hers, "New"), hers)


@pytest.mark.parametrize("text", ["", "   ", "x" * 256, "a\tb", "a\0b"])
def test_an_unfit_name_is_422_and_stays_in_the_field(hers, aos, text):
    page = save(hers, text)
    assert page.status_code == 422
    assert field(page, "display_name") == text
    assert 'aria-invalid="true"' in page.content.decode()
    assert aos.sent == []


@pytest.mark.parametrize(
    "name", ["Old name", "  spaces ", "a\nb", "a\0b", "x" * 10_000, "a\tb", "<b>", "", None, "a\ud800"]
)
def test_d19_an_untouched_save_sends_nothing_whatever_the_name(hers, aos, name):
    next(iter(aos.items.values()))[0]["displayName"] = name
    opened = hers.get(RENAME)
    as_sent = field(opened, "display_name").replace("\0", "\ufffd")
    assert "Nothing changed." in said(send(hers, opened, as_sent), hers)
    assert aos.sent == []


def test_a_name_refused_by_aos_is_422_with_its_words_on_the_field(hers, aos):
    aos.applies = False
    aos.puts = [Reply.of({"validationDetails": {"displayName": ["<b>Taken</b>, already."]}}, 400)]
    page = save(hers, "Taken")
    assert page.status_code == 422
    assert "&lt;b&gt;Taken&lt;/b&gt;, already." in page.content.decode()
    assert field(page, "display_name") == "Taken"


def test_a_refusal_without_words_gets_ours(hers, aos):
    aos.puts = [Reply(422, "no json", {"Content-Type": "text/plain"})]
    page = save(hers, "Taken")
    assert page.status_code == 422
    assert "AOS did not accept this name." in words(page)


def test_e14_somebody_else_was_faster(hers, aos):
    opened = hers.get(RENAME)
    next(iter(aos.items.values()))[0]["displayName"] = "Theirs"
    page = send(hers, opened, " Mine ")
    assert page.status_code == 409
    assert "Theirs" in words(page)
    assert field(page, "display_name") == " Mine "
    assert aos.sent == []
    assert "Renamed “Theirs” to “Mine”." in said(send(hers, page, "Mine"), hers)


def test_a_form_that_does_not_say_what_was_seen_is_a_question_not_a_change(hers, aos):
    page = hers.post(RENAME, {"display_name": "New"})
    assert page.status_code == 422
    assert "Nothing was sent yet" in words(page)
    assert "was changed in AOS" not in words(page)
    assert aos.sent == []
    assert "Renamed" in said(send(hers, page, "New"), hers)


def test_e30_a_name_that_aos_made_different_is_told(hers, aos):
    aos.makes = str.upper
    assert "shows it as “NEW”" in said(save(hers, "New"), hers)


def test_e32_a_second_click_sends_nothing_more(hers, aos):
    opened = hers.get(RENAME)
    send(hers, opened, "New")
    hers.get(LIST)
    assert "Renamed “Old name” to “New”." in said(send(hers, opened, "New"), hers)
    assert len(aos.sent) == 1


def test_e32_a_second_tab_sends_nothing_more(hers, aos):
    first, second = hers.get(RENAME), hers.get(RENAME)
    send(hers, first, "New")
    hers.get(LIST)
    assert "It is already called “New”." in said(send(hers, second, "New"), hers)
    assert len(aos.sent) == 1


def test_e32_a_form_that_was_sent_is_asked_about_when_it_comes_again_with_another_name(hers, aos):
    """Its answer may have got lost, or the browser has brought it back. Nothing that was typed is dropped."""
    form = hers.get(RENAME)
    assert "Renamed “Old name” to “New”." in said(send(hers, form, "New"), hers)
    asked = send(hers, form, "Newer")
    assert asked.status_code == 409
    assert "it is called now: New" in words(asked)
    assert field(asked, "display_name") == "Newer"
    assert len(aos.sent) == 1
    assert "Renamed “New” to “Newer”." in said(send(hers, asked, "Newer"), hers)


def test_without_confirmation_the_list_is_read_back(hers, aos):
    aos.confirms = False
    assert "Renamed “Old name” to “New”." in said(save(hers, "New"), hers)
    assert len(aos.sent) == 1


def test_e19_an_empty_answer_is_read_back(hers, aos):
    aos.puts = [Reply(204, "")]
    assert "Renamed" in said(save(hers, "New"), hers)


def test_e29_an_empty_answer_is_read_back_until_it_shows(hers, aos):
    opened = hers.get(RENAME)
    aos.puts, aos.gets = [Reply(204, "")], [Reply.of([item()]), Reply.of([item()])]
    assert "Renamed" in said(send(hers, opened, "New"), hers)


def test_a_change_that_does_not_show_is_not_known(hers, aos):
    aos.applies, aos.puts = False, [Reply(204, "")]
    page = save(hers, "New")
    assert page.status_code == 502
    assert "Not known whether the name was changed" in words(page)
    assert field(page, "display_name") == "New"


def test_e28_a_lost_answer_that_took_hold_is_done(hers, aos):
    aos.puts = [Reply(502, "<h1>Bad gateway</h1>", {"Content-Type": "text/html"})]
    assert "Renamed “Old name” to “New”." in said(save(hers, "New"), hers)
    assert len(aos.sent) == 1


def test_d01_an_id_that_is_not_yours_is_not_found(hers, aos):
    assert hers.get("/subscriptions/bobs/rename/").status_code == 404
    page = hers.post("/subscriptions/bobs/rename/", {"display_name": "Mine now", "seen": ""})
    assert page.status_code == 404
    assert aos.sent == []


def test_e13_gone_between_looking_and_saving(hers, aos):
    opened = hers.get(RENAME)
    aos.puts = [Reply.of({}, 410)]
    page = send(hers, opened, "New")
    assert page.status_code == 404
    assert "Not found" in words(page)


@pytest.mark.parametrize("odd", ["a%2Fb", "..", "a.b", "x" * 129, "%00", "a%20b"])
def test_an_unusual_id_in_the_address_reaches_nobody(hers, aos, odd):
    assert hers.get(f"/subscriptions/{odd}/rename/").status_code == 404
    assert aos.requests == []


@pytest.mark.parametrize(
    ("method", "status"), [("get", 200), ("head", 200), ("options", 405), ("put", 405), ("delete", 405), ("patch", 405)]
)
def test_a24_only_a_post_changes_anything(hers, aos, method, status):
    assert getattr(hers, method)(RENAME).status_code == status
    assert aos.sent == []


def test_a24_a_post_needs_our_own_form(alice, aos, token):
    strict = browser(enforce_csrf_checks=True)
    sign_in(strict, alice)
    aos.items[token(alice)] = [item()]
    assert strict.post(RENAME, {"display_name": "New", "seen": ""}).status_code == 403
    assert aos.sent == []


def test_a_visitor_changes_nothing(client, aos):
    page = client.post(RENAME, {"display_name": "New", "seen": ""})
    assert page.status_code == 302
    assert page["Location"].startswith("/login/")
    assert aos.requests == []


def test_e09_one_401_is_mended_with_a_renewed_token(hers, aos, alice, token, monkeypatch):
    opened = hers.get(RENAME)
    aos.puts = [Reply.of({}, 401)]
    aos.applies = True
    aos.items["renewed"] = aos.items[token(alice)]
    monkeypatch.setattr(tokens, "renewed_token_for", lambda grant, refused: tokens.Secret("renewed"))
    assert "Renamed" in said(send(hers, opened, "New"), hers)
    assert len(aos.sent) == 2


@pytest.mark.parametrize("trouble", [tokens.SignInRequired("over"), tokens.PassportUnavailable("ill")])
def test_typing_survives_a_sign_in_that_has_ended(hers, aos, alice, bob, token, monkeypatch, trouble):
    opened = hers.get(RENAME)
    with monkeypatch.context() as broken:
        broken.setattr(tokens, "access_token_for", lambda grant: (_ for _ in ()).throw(trouble))
        page = send(hers, opened, " Typed ")
    assert page.status_code == (302 if isinstance(trouble, tokens.SignInRequired) else 503)
    assert aos.sent == []

    sign_in(hers, bob)
    aos.items[token(bob)] = [item(name="Bob's")]
    assert "Typed" not in hers.get(RENAME).content.decode()

    alice.grant.save()  # as good as a new one
    sign_in(hers, alice)
    aos.items |= {token(alice): [item()]}
    again = hers.get(RENAME)
    assert "We kept what you typed. Nothing was sent yet." in words(again)
    assert field(again, "display_name") == " Typed "
    assert aos.sent == []
    assert "Renamed “Old name” to “Typed”." in said(send(hers, again, " Typed "), hers)
    assert not Draft.objects.exists()


def test_a27_one_event_for_each_rename_without_names(hers, alice, caplog):
    caplog.set_level(logging.INFO)
    save(hers, "New-NAME")
    events = [record.fields for record in caplog.records if getattr(record, "fields", {}).get("event") == "rename"]
    assert [(event["outcome"], event["user"], event["subscription"]) for event in events] == [
        ("confirmed", str(alice.pk), "s-1")
    ]
    assert "New-NAME" not in caplog.text


def test_everything_is_closed_where_aos_cannot_be_reached(hers):
    opened = hers.get(RENAME)
    with responses.RequestsMock() as nothing:
        nothing.get(AOS, body=ConnectionError())
        page = send(hers, opened, "New")
    assert page.status_code == 502
    assert field(page, "display_name") == "New"
    assert hers.get(LIST).status_code == 200


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"etag": '"v1"'}, '"v1"'),
        ({"@odata.etag": '"v1"'}, '"v1"'),
        ({"etag": 'W/"v1"'}, None),
        ({"etag": "v1\r\nX: y"}, None),
        ({}, None),
    ],
)
def test_e14_if_aos_gives_an_etag_only_that_version_is_changed(hers, aos, alice, token, given, sent):
    aos.items[token(alice)] = [item(**given)]
    save(hers, "New")
    put = next(request for request in aos.requests if request.method == "PUT")
    assert put.headers.get("If-Match") == sent


def test_e14_a_412_shows_both_names(hers, aos):
    opened = hers.get(RENAME)
    aos.applies, aos.puts = False, [Reply.of({"title": "Precondition Failed"}, 412)]
    aos.gets = [Reply.of([item()]), Reply.of([item(name="Theirs")])]
    page = send(hers, opened, "Mine")
    assert page.status_code == 409
    assert "Theirs" in words(page)
    assert field(page, "display_name") == "Mine"
