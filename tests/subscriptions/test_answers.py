"""What AOS's JSON is taken to mean."""

import pytest

from subscriptions import answers
from subscriptions.answers import Rejection, Subscription

from .fake_aos import item

ONE = Subscription("s-1", "sub-s-1", "Old name", "Enabled")


@pytest.mark.parametrize("payload", [[item()], {"isSuccess": True, "result": [item()], "errorMessage": None}])
def test_a_list_is_read_plain_and_enveloped(payload):
    assert answers.read_list(payload) == [ONE]


@pytest.mark.parametrize(
    "payload",
    [{"isSuccess": flag, "result": [item()]} for flag in (False, None, "true", "false", 1, 0)]
    + [{"result": [item()]}, {"isSuccess": True}, {"isSuccess": True, "items": [item()]}, {"value": [item()]}]
    + [{"isSuccess": True, "result": {"value": []}}, "text", 7, None, {}],
)
def test_e24_anything_but_a_true_flag_and_a_list_is_refused(payload):
    with pytest.raises(ValueError, match=r"."):
        answers.read_list(payload)


def test_e26_one_bad_item_does_not_kill_the_list():
    odd = [
        {"id": 7, "displayName": ["x"], "state": None, "extra": {"a": 1}},
        {"id": "a/../b?c", "displayName": ""},
        "text",
        None,
        {},
        item(),
        item(),
    ]
    assert answers.read_list(odd) == [
        Subscription("", "", None, ""),
        Subscription("a/../b?c", "", "", ""),
        Subscription("", "", None, ""),
        ONE,
        ONE,
    ]


@pytest.mark.parametrize("unfit", ["", "a/b", "..", "a?b", "a b", "a\n", "ä", "x" * 129, "%2e"])
def test_an_unusual_id_cannot_be_renamed(unfit):
    assert not Subscription(unfit, "", "Name", "Enabled").can_rename


@pytest.mark.parametrize("fit", ["d0928ef4-84b0-4710-9a8e-e34c82ccc917", "a_B", "x" * 128])
def test_a_usual_id_can_be_renamed(fit):
    assert Subscription(fit, "", "Name", "Enabled").can_rename


def test_e25_a_lone_surrogate_becomes_a_visible_mark():
    (found,) = answers.read_list([item(name="a\ud800b")])
    assert found.name == "a\ufffdb"


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (item(name="New"), "New"),
        ({"displayName": "New"}, "New"),
        ({"isSuccess": True, "result": item(name="New")}, "New"),
        ({"isSuccess": True, "result": None}, None),
        ({"id": "s-1", "name": "a leftover of the documentation"}, None),
        (item(id="s-2", name="New"), None),
        ({"displayName": None}, None),
        ({"displayName": 7}, None),
    ],
)
def test_a_rename_is_confirmed_only_by_its_own_name(payload, name):
    assert answers.read_confirmed_name(payload, "s-1") == name


@pytest.mark.parametrize(
    "payload",
    [[], "New", 7, {"isSuccess": False, "result": item(name="New")}, {"displayName": "New", "errorMessage": "No."}],
)
def test_a_rename_is_not_confirmed_by_a_wrong_shape(payload):
    with pytest.raises(ValueError, match=r"."):
        answers.read_confirmed_name(payload, "s-1")


def test_an_envelope_may_say_what_was_not_valid():
    payload = {"isSuccess": False, "validationDetails": {"displayName": ["Taken."]}}
    with pytest.raises(Rejection) as caught:
        answers.read_confirmed_name(payload, "s-1")
    assert caught.value.reasons == ["Taken."]


@pytest.mark.parametrize(
    ("payload", "reasons"),
    [
        (
            {"validationDetails": {"displayName": ["Too long.", "Too odd."]}, "errorMessage": "Bad."},
            ["Too long.", "Too odd."],
        ),
        ({"title": "Bad Request", "errors": {"displayName": ["Taken."]}}, ["Taken."]),
        ({"title": "Bad Request", "errors": [{"detail": "Taken.", "pointer": "#/displayName"}]}, ["Taken."]),
        ({"title": "Bad Request", "detail": "It is taken."}, ["It is taken."]),
        ({"title": "Bad Request"}, ["Bad Request"]),
        ({"errorMessage": "  It\r\nis \x1b[31m\u202etaken "}, ["It is [31mtaken"]),
        ({"errorMessage": ["a", "a", "", 7, None, "b"]}, ["a", "b"]),
        ({"validationDetails": {"x": list("abcdefgh")}}, list("abcde")),
        ({"validationDetails": 7, "detail": {}}, []),
        ([], []),
        (None, []),
    ],
)
def test_reasons_are_short_plain_lines(payload, reasons):
    assert answers.read_reasons(payload) == reasons


def test_a_long_reason_is_cut():
    (reason,) = answers.read_reasons({"detail": "x" * 1000})
    assert len(reason) == 200
