"""What people may type."""

import pytest

from subscriptions.forms import RenameForm


def form(text, seen="x"):
    return RenameForm({"display_name": text, "seen": seen})


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "<script>alert(1)</script>",
        "{{7*7}}",
        '"><img src=x onerror=alert(1)>',
        "🦊👩‍👩‍👧",
        "שלום",
        "a\u202eb",
        "x" * 255,
        "🦊" * 255,
    ],
)
def test_fit_names_pass_as_they_are(text):
    asked = form(text)
    assert asked.is_valid()
    assert asked.cleaned_data["display_name"] == text


def test_names_are_trimmed_but_the_field_keeps_what_was_typed():
    asked = form("  a  b \n")
    assert asked.is_valid()
    assert asked.cleaned_data["display_name"] == "a  b"
    assert asked["display_name"].value() == "  a  b \n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Type a name."),
        (" \t\u3000", "Type a name."),
        ("\u200b\u2060 \u200b", "Type a name that can be seen."),
        ("x" * 256, "Use at most 255 characters. This has 256."),
        ("🦊" * 256, "Use at most 255 characters. This has 256."),
        ("a\tb", "Take out U+0009."),
        ("a\0b", "Take out U+0000."),
        ("a\x1bb\x85c\x1b", "Take out U+001B, U+0085."),
        ("a\u2028b\u2029c", "Take out U+2028, U+2029."),
        ("a\ud800b", "Take out U+D800."),
    ],
)
def test_unfit_names_get_a_reason_and_stay_in_the_field(text, words):
    asked = form(text)
    assert not asked.is_valid()
    assert words in " ".join(asked.errors["display_name"])
    assert asked["display_name"].value() == text


def test_the_limit_is_a_setting(settings):
    settings.DISPLAY_NAME_LIMIT = 3
    assert not form("abcd").is_valid()
    assert form("abc").is_valid()
