"""Rows E19 to E26: answers that are broken, absurd or of the wrong shape. Through the pages, on real sockets."""

import gzip
import json
import re
import time

import pytest

from tests.support import hostile_answers
from tests.support.hostile_answers import HTML, JSON, endless, flood, gzip_bomb, reply, says, stale
from tests.support.hostile_aos import Fault, ignore, item

from .group_e import (
    ANY_SUCCESS,
    assert_done,
    assert_kept,
    assert_not_known,
    assert_trouble,
    at_most,
    fields,
    open_form,
    press_save,
    rename,
)
from .pages import LIST, RENAME, field, said, words

pytestmark = pytest.mark.django_db
ONE = json.dumps([item(name="Evil!")])
CONFIRMED = json.dumps(item(name="New"))

# Answers that are a fault whatever was asked.
NOT_JSON = {
    "html": reply(200, "<h1>Sign in to the UPSTREAM proxy</h1>", HTML),
    "html that says json": reply(200, "<h1>UPSTREAM</h1>"),
    "json that says html": reply(200, ONE, HTML),
    "json that says nothing": reply(200, ONE, {}),
    "plain text": reply(200, ONE, {"Content-Type": "text/plain"}),
}
NOTHING = {"204": reply(204), "empty": reply(200), "empty and without a type": reply(200, "", {})}
BROKEN = {
    name: getattr(hostile_answers, name) for name in ("truncated", "reset", "reset_in_the_body", "hang_up", "not_http")
}
ABSURD = {
    "deep list": reply(200, "[" * 200_000),
    "deep and closed": reply(200, "[" * 100_000 + "]" * 100_000),
    "deep object": reply(200, '{"result":' * 100_000),
    "huge integer": reply(200, '[{"id": "s-1", "displayName": "Evil!", "n": ' + "9" * 5000 + "}]"),
    "NaN": reply(200, '[{"id": "s-1", "displayName": "Evil!", "n": NaN}]'),
    "Infinity": reply(200, '[{"id": "s-1", "displayName": "Evil!", "n": -Infinity}]'),
    "1e999": reply(200, '[{"id": "s-1", "displayName": "Evil!", "n": 1e999}]'),
}
DOUBLED = {
    "in an item": reply(200, '[{"id": "s-1", "displayName": "Good", "displayName": "Evil!"}]'),
    "in the envelope": reply(200, '{"isSuccess": false, "isSuccess": true, "result": []}'),
    "in a confirmation": reply(200, '{"id": "s-1", "displayName": "Evil!", "displayName": "New"}'),
}
MANGLED = {
    "latin-1": reply(200, ONE.replace("Evil!", "K\u00e4se Evil!").encode("latin-1")),
    "cut in a character": reply(200, ONE.replace("Evil!", "Evil!\u20ac").encode()[:-20]),
    "overlong": reply(200, ONE.encode().replace(b"Evil!", b"Evil!\xc0\xaf")),
    "surrogate as bytes": reply(200, ONE.encode().replace(b"Evil!", b"Evil!\xed\xa0\x80")),
    "byte order mark": reply(200, b"\xef\xbb\xbf" + ONE.encode()),
    "utf-16": reply(200, ONE.encode("utf-16")),
    "utf-16 that says so": reply(200, ONE.encode("utf-16"), {"Content-Type": "application/json; charset=utf-16"}),
    "utf-32": reply(200, ONE.encode("utf-32-le")),
    "gzip that is none": reply(200, ONE, {**JSON, "Content-Encoding": "gzip"}),
    "gzip that is cut": reply(200, gzip.compress(ONE.encode())[:-20], {**JSON, "Content-Encoding": "gzip"}),
}
FAULTS = {
    **{f"e19_{name}": answer for name, answer in NOT_JSON.items()},
    **{f"e20_{name}": answer for name, answer in BROKEN.items()},
    **{f"e21_{name}": answer for name, answer in DOUBLED.items()},
    **{f"e23_{name}": answer for name, answer in ABSURD.items()},
    **{f"e25_{name}": answer for name, answer in MANGLED.items()},
}


@pytest.mark.parametrize("case", [*FAULTS, *(f"e19_{name}" for name in NOTHING)])
def test_a_list_that_cannot_be_believed_is_trouble_and_shown_to_nobody(hostile, client, case):
    hostile.every_get = Fault({**FAULTS, **{f"e19_{name}": each for name, each in NOTHING.items()}}[case])
    for address in (LIST, RENAME):
        page = client.get(address)
        assert_trouble(page, 502)
        assert "Evil!" not in page.content.decode()
    assert len(hostile.log) <= 6


@pytest.mark.parametrize("case", FAULTS)
def test_a_change_whose_answer_cannot_be_believed_is_looked_up(hostile, client, case):
    hostile.puts = [Fault(FAULTS[case]), Fault(FAULTS[case], does=ignore)]
    assert_done(rename(client), client)
    page = rename(client, " Newer ")
    assert_not_known(page, typed=" Newer ")
    assert "Evil!" not in page.content.decode()
    assert (len(hostile.sent), hostile.applied) == (2, 1)


@pytest.mark.parametrize("case", NOTHING)
def test_e19_a_change_answered_with_nothing_is_looked_up(hostile, client, case):
    hostile.puts = [Fault(NOTHING[case]), Fault(NOTHING[case], does=ignore)]
    assert_done(rename(client), client)
    assert_not_known(rename(client, " Newer "), typed=" Newer ")
    assert (len(hostile.sent), hostile.applied) == (2, 1)


@pytest.mark.parametrize("case", BROKEN)
def test_e20_one_broken_answer_is_not_noticed(hostile, client, case):
    hostile.gets = [Fault(BROKEN[case])]
    assert "Old name" in words(client.get(LIST))
    assert len(hostile.log) == 2


def test_e20_a_connection_that_went_stale_costs_nothing(hostile, client):
    hostile.gets = [Fault(stale), None, Fault(stale)]
    client.get(LIST)
    time.sleep(0.1)
    opened = open_form(client)
    time.sleep(0.1)
    assert_done(press_save(client, opened, "New"), client)
    assert len(hostile.sent) == hostile.applied == 1
    assert "Old name" not in words(client.get(LIST))


BOMBS = {"100 MB": flood(), "gzip bomb": gzip_bomb(200_000_000), "endless": endless}


@pytest.mark.parametrize("case", BOMBS)
def test_e22_a_giant_answer_ends_at_the_cap(hostile, client, settings, case):
    settings.MAX_ANSWER_BYTES = 1_000_000
    hostile.every_get = Fault(BOMBS[case])
    with at_most(10):
        assert_trouble(client.get(LIST), 502)
    assert len(hostile.log) == 1  # it would be as large again
    hostile.every_get = Fault()
    hostile.puts = [Fault(BOMBS[case])]
    assert_done(rename(client), client)
    assert len(hostile.sent) == 1


# Envelopes; "result" is put in. An envelope without a boolean true is a failure, and no list either.
ENVELOPES = {
    "false": {"isSuccess": False},
    "false with words": {"isSuccess": False, "errorMessage": "UPSTREAM", "errorCode": "E1", "correlationId": "c-1"},
    "null": {"isSuccess": None},
    "text true": {"isSuccess": "true"},
    "text false": {"isSuccess": "false"},
    "one": {"isSuccess": 1},
    "list": {"isSuccess": [True]},
    "missing": {"errorMessage": None},
    "other spelling": {"IsSuccess": True, "issuccess": True},
}


@pytest.mark.parametrize("case", ENVELOPES)
def test_e24_an_envelope_without_a_true_flag_is_a_failure(hostile, client, case):
    hostile.gets = [Fault(says({**ENVELOPES[case], "result": [item(name="Evil!")]}))] * 3
    page = client.get(LIST)
    assert_trouble(page, 502)
    assert "Evil!" not in page.content.decode()
    hostile.gets.clear()

    hostile.puts = [Fault(says({**ENVELOPES[case], "result": item(name="New")}), does=ignore)]
    page = rename(client)
    assert_kept(page, 502)
    assert (len(hostile.sent), hostile.name("alice")) == (1, "Old name")


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500])
def test_e24_a_flag_does_not_beat_the_status(hostile, client, status):
    hostile.every_get = Fault(says({"isSuccess": True, "result": [item(name="Evil!")]}, status))
    page = client.get(LIST)
    assert page.status_code in {403, 404, 409, 502}
    assert "Evil!" not in page.content.decode()
    hostile.every_get = Fault()

    hostile.puts = [Fault(says({"isSuccess": True, "result": item(name="New")}, status), does=ignore)]
    page = rename(client)
    assert page.status_code in {403, 404, 409, 422, 502}
    assert not ANY_SUCCESS.search(words(page))
    assert not ANY_SUCCESS.search(words(client.get(LIST)))
    assert (len(hostile.sent), hostile.name("alice")) == (1, "Old name")


@pytest.mark.parametrize(
    "payload",
    [
        {"isSuccess": True},
        {"isSuccess": True, "result": None},
        {"isSuccess": True, "result": {"items": [item(name="Evil!")]}},
        {"isSuccess": True, "items": [item(name="Evil!")]},
        {"value": [item(name="Evil!")]},
        {"subscriptions": [item(name="Evil!")]},
        {"isSuccess": True, "result": {"isSuccess": True, "result": [item(name="Evil!")]}},
        "text",
        7,
        True,
        None,
        {},
    ],
    ids=str,
)
def test_e24_a_list_in_the_wrong_place_is_a_failure(hostile, client, payload):
    hostile.every_get = Fault(says(payload))
    page = client.get(LIST)
    assert_trouble(page, 502)
    assert "Evil!" not in page.content.decode()


def test_e24_a_true_flag_and_a_list_are_believed(hostile, client):
    hostile.gets = [Fault(says({"isSuccess": True, "errorMessage": None, "result": [item(name="Wrapped")]}))]
    assert "Wrapped" in words(client.get(LIST))
    hostile.puts = [Fault(says({"isSuccess": True, "result": item(name="New")}))]
    assert_done(rename(client), client)


ODD_NAMES = {
    "lone surrogate": "a\ud800b",
    "surrogates the wrong way round": "\udc00\ud800",
    "NUL": "a\0b",
    "line breaks": "a\nb\r\nc",
    "control characters": "\x01\x1f\x7f",
    "right to left": "\u202egnp.exe",
}


@pytest.mark.parametrize("case", ODD_NAMES)
def test_e25_an_odd_name_is_shown_and_an_untouched_save_sends_nothing(hostile, client, case):
    hostile.items["alice"] = [item(name=ODD_NAMES[case]), item("s-2", "Second")]
    assert "Second" in words(client.get(LIST))
    opened = open_form(client)
    as_sent = field(opened, "display_name").replace("\0", "\ufffd")
    said(press_save(client, opened, as_sent), client)
    assert hostile.sent == []


def test_e25_what_cannot_be_shown_is_marked_not_dropped(hostile, client):
    hostile.items["alice"] = [item(name="a\ud800b"), item("s-2", "\udc00\ud800")]
    text = words(client.get(LIST))
    assert "a\ufffdb" in text
    assert "\ufffd\ufffd" in text


@pytest.mark.parametrize("case", ODD_NAMES)
def test_e25_an_odd_name_can_be_replaced_by_exactly_what_was_typed(hostile, client, case):
    hostile.items["alice"] = [item(name=ODD_NAMES[case])]
    assert_done(rename(client, "New"), client)
    assert [request.json for request in hostile.sent] == [{"displayName": "New"}]


@pytest.mark.parametrize("case", ODD_NAMES)
def test_e25_an_odd_name_that_aos_gives_instead_is_told_as_far_as_it_can_be_shown(hostile, client, case):
    hostile.puts = [Fault(does=lambda items, meant, wanted: meant.update(displayName=ODD_NAMES[case]))]
    page = rename(client, "New")
    assert page.status_code in {302, 409}
    text = words(client.get(LIST))
    assert "to “New”" not in text
    assert len(hostile.sent) == 1


BAD_ITEMS = {
    "missing name": {"id": "bad", "state": "Enabled"},
    "null name": {"id": "bad", "displayName": None},
    "empty name": {"id": "bad", "displayName": ""},
    "number for a name": {"id": "bad", "displayName": 7},
    "object for a name": {"id": "bad", "displayName": {"a": 1}},
    "null state": {"id": "bad", "displayName": "x", "state": None},
    "list for a state": {"id": "bad", "displayName": "x", "state": ["Enabled"]},
    "no id": {"displayName": "x"},
    "number for an id": {"id": 7, "displayName": "x"},
    "null for an id": {"id": None, "displayName": "x"},
    "slash in the id": {"id": "a/b", "displayName": "x"},
    "dots for an id": {"id": "..", "displayName": "x"},
    "query in the id": {"id": "a?b=c", "displayName": "x"},
    "fragment in the id": {"id": "a#b", "displayName": "x"},
    "percent in the id": {"id": "%2e%2e", "displayName": "x"},
    "line break in the id": {"id": "a\r\nX: y", "displayName": "x"},
    "long id": {"id": "a" * 129, "displayName": "x"},
    "a text": "bad",
    "a number": 7,
    "a list": [["id", "bad"]],
    "true": True,
    "further fields": item("bad", "x", owner={"id": 1}, tags=["a"], isSuccess=False),
    "the same id again": item("s-1", "Twin"),
}


@pytest.mark.parametrize("case", BAD_ITEMS)
def test_e26_one_bad_item_does_not_kill_the_list(hostile, client, case):
    hostile.gets = [Fault(says([BAD_ITEMS[case], item("s-2", "Second")]))]
    page = client.get(LIST)
    assert page.status_code == 200
    assert "Second" in words(page)
    assert "2 subscriptions" in words(page)
    odd = case.endswith((" id", "the id")) or not isinstance(BAD_ITEMS[case], dict)
    assert len(re.findall(rb'\bhref="/subscriptions/[^"/]*/rename/"', page.content)) == (1 if odd else 2)


@pytest.mark.parametrize("id", ["a_b-C9", "-", "_", "0" * 128, "6f9619ff-8b86-d011-b42d-00cf4fc964ff"])
def test_e26_an_id_is_one_path_segment(hostile, client, id):
    hostile.items["alice"] = [item(id)]
    assert_done(rename(client, "New", f"/subscriptions/{id}/rename/"), client)
    assert [request.path for request in hostile.sent] == [f"/api/v2/subscriptions/{id}"]


@pytest.mark.parametrize("id", ["..", "a%2Fb", "a%2F..%2Fb", "a%3Fb", "%2e%2e", "a%23b", "a" * 129, "a%0d%0ab", "a;b"])
def test_e26_an_unusual_id_in_an_address_reaches_nobody(hostile, client, id):
    opened = open_form(client)
    before = len(hostile.log)
    assert client.get(f"/subscriptions/{id}/rename/").status_code == 404
    assert press_save(client, opened, "New", f"/subscriptions/{id}/rename/").status_code == 404
    assert len(hostile.log) == before


def test_e26_a_change_holds_the_name_and_nothing_else(hostile, client):
    form = {**fields(open_form(client)), "display_name": "New", "state": "Deleted", "id": "s-2", "displayName": "Evil!"}
    assert_done(client.post(RENAME, form), client)
    (put,) = hostile.sent
    assert put.json == {"displayName": "New"}
    assert put.path == "/api/v2/subscriptions/s-1"
    assert int(put.headers["content-length"]) == len(put.body)
    assert "transfer-encoding" not in put.headers
