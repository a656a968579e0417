"""Each kind of weather, seen from the portal's side, and the panel that makes it."""

import time

import pytest
import requests

LIST, RENAME = "list", "rename"


@pytest.fixture
def first(alice):
    return next(iter(alice.names()))


def test_fine_is_where_it_starts(stand_ins):
    state = stand_ins.weather()

    assert (state["aos"], state["aps"], state["slow_seconds"], state["log"]) == ("fine", "fine", 15, [])


@pytest.mark.parametrize(
    ("weather", "status"),
    [("down", 503), ("overloaded", 429), ("broken", 500), ("unauthorized", 401), ("forbidden", 403)],
)
def test_a_failing_aos_changes_nothing(alice, first, weather, status):
    before = alice.names()
    alice.at.weather(aos=weather, retry_after=7)

    for answer in (alice.aos(), alice.rename(first, "New")):
        assert answer.status_code == status
        assert answer.headers.get("Retry-After") == ("7" if status in (429, 503) else None)

    alice.at.weather(aos="fine")
    assert alice.names() == before


def test_refusing_closes_without_an_answer(alice, first):
    alice.at.weather(aos="refusing")

    for call in (alice.aos, lambda: alice.rename(first, "New")):
        with pytest.raises(requests.ConnectionError):
            call()

    assert [call["status"] for call in alice.at.log()[:2]] == [None, None]
    alice.at.weather(aos="fine")
    assert alice.names()[first] != "New"


def test_slow_does_it_at_once_and_answers_late(alice, first):
    alice.at.weather(aos="slow", slow_seconds=2)

    with pytest.raises(requests.ReadTimeout):
        alice.rename(first, "New", timeout=1)
    begun = time.monotonic()
    assert alice.names()[first] == "New"
    assert time.monotonic() - begun >= 2


def test_html_is_no_json(alice, first):
    alice.at.weather(aos="html")

    for answer in (alice.aos(), alice.rename(first, "New")):
        assert answer.headers["Content-Type"].startswith("text/html")


def test_truncated_is_half_of_the_json(alice, first):
    alice.at.weather(aos="truncated")

    for answer in (alice.aos(), alice.rename(first, "New")):
        assert answer.headers["Content-Type"] == "application/json;"
        with pytest.raises(requests.JSONDecodeError):
            answer.json()


def test_wrong_shape_is_json_of_another_kind(alice, first):
    alice.at.weather(aos="wrong_shape")

    for answer in (alice.aos(), alice.rename(first, "New")):
        assert set(answer.json()) == {"subscriptions"}


def test_unsuccessful_is_a_failure_with_200(alice, first):
    alice.at.weather(aos="unsuccessful")

    answer = alice.rename(first, "New")

    assert (answer.status_code, answer.json()["isSuccess"]) == (200, False)
    alice.at.weather(aos="fine")
    assert alice.names()[first] != "New"


def test_enveloped_wraps_good_answers(alice, first):
    plain = alice.aos().json()
    alice.at.weather(aos="enveloped")

    assert alice.aos().json()["result"] == plain
    renamed = alice.rename(first, "New").json()
    assert (renamed["isSuccess"], renamed["result"]["displayName"]) == (True, "New")


def test_lying_says_success_and_changes_nothing(alice, first):
    alice.at.weather(aos="lying")

    assert alice.rename(first, "New").json()["displayName"] == "New"
    assert alice.names()[first] != "New"


def test_losing_renames_and_hangs_up(alice, first):
    alice.at.weather(aos="losing")

    with pytest.raises(requests.ConnectionError):
        alice.rename(first, "New")

    assert alice.names()[first] == "New"


def test_leftover_renames_and_does_not_say_the_name(alice, first):
    alice.at.weather(aos="leftover")

    assert "displayName" not in alice.rename(first, "New").json()
    assert alice.names()[first] == "New"


def test_aps_down_answers_the_portal_with_503_and_people_as_always(alice):
    alice.at.weather(aps="down")

    for path in (".well-known/openid-configuration", ".well-known/jwks", "connect/userinfo"):
        assert requests.get(f"{alice.at.aps_url}/{path}", timeout=10).status_code == 503
    assert alice.refresh().status_code == 503
    assert alice.aos().status_code == 200
    assert alice.browser.get(f"{alice.at.aps_url}/login", timeout=10).status_code == 200
    alice.at.weather(aps="fine")
    assert alice.refresh().status_code == 200


def test_aps_slow_is_slow_to_the_portal(alice):
    alice.at.weather(aps="slow", slow_seconds=0.4)
    begun = time.monotonic()

    assert alice.refresh().status_code == 200
    assert time.monotonic() - begun >= 0.4


def test_aps_refusing_refreshes_spends_nothing(alice):
    alice.at.weather(aps="refusing")
    assert alice.refresh().json() == {"error": "invalid_grant"}

    alice.at.weather(aps="fine")
    assert alice.refresh().status_code == 200


def test_expire_ends_access_tokens_only(alice):
    alice.at.weather(do="expire")

    assert alice.aos().status_code == 401
    alice.tokens = alice.refresh().json()
    assert alice.aos().status_code == 200


def test_forget_ends_refresh_tokens_only(alice):
    alice.at.weather(do="forget")

    assert alice.aos().status_code == 200
    assert alice.refresh().json()["error"] == "invalid_grant"


def test_reset_brings_back_weather_names_and_an_empty_log(alice, first):
    before = alice.names()
    alice.rename(first, "New")
    alice.at.weather(aos="down", aps="down", slow_seconds=3)

    state = alice.at.weather(do="reset")

    assert (state["aos"], state["aps"], state["slow_seconds"], state["log"]) == ("fine", "fine", 15, [])
    assert alice.names() == before


def test_the_log_tells_who_called_what_and_no_secret(alice, first):
    alice.rename(first, "New")
    alice.tokens["old"] = alice.tokens["refresh_token"]
    alice.tokens |= alice.refresh().json()

    log = alice.at.log()

    put = next(call for call in log if call["method"] == "PUT")
    assert (put["stand_in"], put["status"], put["person"]) == ("aos", 200, "Alice Moreno")
    assert put["path"] == f"/api/v2/subscriptions/{first}"
    assert len(put["token"]) == 5
    assert {call["note"] for call in log} == {"", "authorization_code", "refresh_token"}
    redeemed = next(call for call in log if call["note"] == "authorization_code")
    assert redeemed["person"] == "Alice Moreno"
    everything = f"{log} {alice.at.printed()}"
    for secret in [*alice.tokens.values(), alice.verifier, alice.state, alice.nonce, alice.at.client_secret]:
        if len(str(secret)) > 20 and secret != alice.tokens["scope"]:
            assert secret not in everything


@pytest.mark.parametrize("wish", [{"aos": "snow"}, {"aps": "lying"}, {"do": "explode"}, {"slow_seconds": -1}, {"x": 1}])
def test_an_unknown_wish_changes_nothing(stand_ins, wish):
    answer = requests.post(f"{stand_ins.aos_url}/weather/api", json={"aos": "down"} | wish, timeout=10)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert stand_ins.weather()["aos"] == "fine"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json", "Origin": "https://elsewhere.example.com"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json", "Host": "rebound.example.com"}, 400),
    ],
)
def test_other_pages_cannot_change_the_weather(stand_ins, headers, status):
    answer = requests.post(f"{stand_ins.aos_url}/weather/api", data='{"aos": "down"}', headers=headers, timeout=10)

    assert answer.status_code == status
    assert stand_ins.weather()["aos"] == "fine"


def test_the_panel_works_without_script(visitor):
    address = f"{visitor.at.aos_url}/weather/"
    page = visitor.browser.get(address)
    assert "Stand-in. Not for production." in page.text
    assert visitor.browser.post(address, data={"aos": "down"}).status_code == 403

    visitor.press(page, aos="down")

    assert visitor.at.weather()["aos"] == "down"
