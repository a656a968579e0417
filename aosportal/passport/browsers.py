"""A browser in words that its owner recognises: "Firefox on Windows"."""

from django.utils.translation import gettext as _

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_LONGEST = 200  # characters


def in_words(user_agent: str) -> str:
    """Name browser and system; what is unknown is shown as it calls itself, shortened."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return "".join(filter(str.isprintable, user_agent))[:_LONGEST]


def translated(words: str) -> str:
    """Say in the reader's language what `in_words` has said in English, and was stored."""
    browser, _on, system = words.partition(" on ")
    if browser in dict(_BROWSERS).values() and system in dict(_SYSTEMS).values():
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return words or _("Unknown browser")
