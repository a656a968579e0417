"""A table of what AOS may answer instead of what it should: each has its status (decision 21) and words of its own."""

from urllib.parse import unquote

import pytest

from aosportal.passport import tokens

from .fake_aos import Reply, item
from .pages import LIST, RENAME, field, send, words

pytestmark = pytest.mark.django_db

HTML = {"Content-Type": "text/html"}
ONE = '[{"id": "s-1", "displayName": "Evil!", "state": "Enabled"}]'
NONSENSE = "gave no usable answer"
UNKNOWN = "Not known whether the name was changed"
# What AOS answers; for the list and for the rename: our status, and words that the page says.
TABLE = {
    "403": (Reply.of({}, 403), (403, "No permission"), (403, "does not allow")),
    "404": (Reply.of({}, 404), (404, "Not found"), (404, "Not found")),
    "410": (Reply.of({}, 410), (404, "Not found"), (404, "Not found")),
    "409": (Reply.of({}, 409), (409, "Changed in the meantime"), (409, "changed")),
    "412": (Reply.of({}, 412), (409, "Changed in the meantime"), (409, "changed")),
    "400": (Reply.of({"detail": "No."}, 400), (502, NONSENSE), (422, "No.")),
    "405": (Reply.of({}, 405), (502, NONSENSE), (502, "could not use")),
    "429": (Reply.of({}, 429, **{"Retry-After": "7"}), (503, "Wait 7 seconds"), (503, "Wait 7 seconds")),
    "503": (Reply.of({}, 503), (503, "Wait 30 seconds"), (503, "Wait 30 seconds")),
    "500": (Reply.of({}, 500), (502, NONSENSE), (502, UNKNOWN)),
    "502": (Reply(502, "<h1>", HTML), (502, NONSENSE), (502, UNKNOWN)),
    "504": (Reply(504, "<h1>", HTML), (502, NONSENSE), (502, UNKNOWN)),
    "html": (Reply(200, "<h1>Sign in</h1>", HTML), (502, NONSENSE), (502, UNKNOWN)),
    "json that says html": (Reply(200, ONE, HTML), (502, NONSENSE), (502, UNKNOWN)),
    "no content type": (Reply(200, ONE, {"Content-Type": ""}), (502, NONSENSE), (502, UNKNOWN)),
    "html that says json": (Reply(200, "<h1>Sign in</h1>"), (502, NONSENSE), (502, UNKNOWN)),
    "truncated": (Reply(200, ONE[:-5]), (502, NONSENSE), (502, UNKNOWN)),
    "wrong shape": (Reply(200, '"text"'), (502, NONSENSE), (502, UNKNOWN)),
    "doubled keys": (Reply(200, '{"displayName": "New", "displayName": "Evil!"}'), (502, NONSENSE), (502, UNKNOWN)),
    "NaN": (Reply(200, '[{"id": "s-1", "displayName": "New", "x": NaN}]'), (502, NONSENSE), (502, UNKNOWN)),
    "1e999": (Reply(200, '{"displayName": "New", "x": 1e999}'), (502, NONSENSE), (502, UNKNOWN)),
    "long number": (Reply(200, '{"displayName": "New", "x": ' + "9" * 5000 + "}"), (502, NONSENSE), (502, UNKNOWN)),
    "deep": (Reply(200, "[" * 200_000), (502, NONSENSE), (502, UNKNOWN)),
    "latin-1": (Reply(200, ONE.replace("Evil!", "Käse").encode("latin-1")), (502, NONSENSE), (502, UNKNOWN)),
    "utf-16": (Reply(200, ONE.encode("utf-16")), (502, NONSENSE), (502, UNKNOWN)),
    **{
        f"isSuccess {flag!r}": (
            Reply.of({"isSuccess": flag, "result": [item()], "errorMessage": "Upstream words"}),
            (502, NONSENSE),
            (502, UNKNOWN),
        )
        for flag in (False, "true", "false", None, 1)
    },
    "isSuccess missing": (Reply.of({"result": [item(name="New")]}), (502, NONSENSE), (502, UNKNOWN)),
    "isSuccess in a 403": (Reply.of({"isSuccess": True, "result": []}, 403), (403, "No permission"), (403, "allow")),
    **{
        f"redirect {code}": (
            Reply(code, "", {"Location": "https://evil.test/x"}),
            (502, NONSENSE),
            (502, UNKNOWN),
        )
        for code in (301, 302, 303, 307, 308)
    },
}


PASSING = {"502", "503", "504"}  # tries of a GET are repeated after these; with a long Retry-After none is


def no_internals(page):
    text = page.content.decode()
    assert not any(word in text for word in ("Traceback", "Evil!", "Upstream words", "<h1>Sign in", "evil.test"))


@pytest.mark.parametrize("case", TABLE)
def test_the_list_says_what_happened(hers, aos, case):
    reply, (status, text), _ = TABLE[case]
    aos.gets = [reply] * 3
    page = hers.get(LIST)
    assert page.status_code == status
    assert text in words(page)
    no_internals(page)
    assert len(aos.requests) == (3 if case in PASSING else 1)


@pytest.mark.parametrize("case", TABLE)
def test_the_rename_form_does_not_open_on_nothing(hers, aos, case):
    reply, (status, _), _ = TABLE[case]
    aos.gets = [reply] * 3
    page = hers.get(RENAME)
    assert page.status_code == status
    no_internals(page)


@pytest.mark.parametrize("case", TABLE)
def test_a_rename_says_what_happened_and_keeps_the_text(hers, aos, case):
    reply, _, (status, text) = TABLE[case]
    opened = hers.get(RENAME)
    aos.puts, aos.applies = [reply] * 2, False
    page = send(hers, opened, " New ")
    assert page.status_code == status
    assert text in words(page)
    no_internals(page)
    assert "Renamed" not in words(page)
    assert len(aos.sent) == (2 if case == "503" else 1)
    if status != 404:
        assert field(page, "display_name") == " New "


@pytest.mark.parametrize("case", [case for case, (_, _, (_, text)) in TABLE.items() if text == UNKNOWN])
def test_a_change_that_took_hold_is_done_whatever_the_answer(hers, aos, case):
    opened = hers.get(RENAME)
    aos.puts = [TABLE[case][0]]
    page = send(hers, opened, "New")
    assert (page.status_code, page["Location"]) == (302, LIST)
    assert len(aos.sent) == 1


def test_a_rename_that_cannot_look_first_sends_nothing_and_keeps_the_text(hers, aos):
    opened = hers.get(RENAME)
    aos.gets = [Reply.of({}, 503, **{"Retry-After": "9"})]
    page = send(hers, opened, " New ")
    assert (page.status_code, page["Retry-After"]) == (503, "9")
    assert field(page, "display_name") == " New "
    assert field(page, "seen") == field(opened, "seen")
    assert aos.sent == []


@pytest.mark.parametrize("address", [LIST, RENAME])
def test_e10_two_401s_lead_to_the_sign_in_and_back(hers, aos, monkeypatch, address):
    monkeypatch.setattr(tokens, "renewed_token_for", lambda grant, refused: tokens.Secret("renewed"))
    aos.gets = [Reply.of({}, 401), Reply.of({}, 401)]
    page = hers.get(address)
    assert (page.status_code, unquote(page["Location"])) == (302, f"/login/?next={address}")
    assert len(aos.requests) == 2
