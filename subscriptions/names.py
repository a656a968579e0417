"""Names as AOS has them, as browsers send them back, and as near as they can come to each other."""

import hashlib
import unicodedata

_SHORTEST_CUT = 50  # characters; a shorter beginning is more likely somebody else's name
_INVISIBLE = {"Zs", "Zl", "Zp", "Cf"}
_AS_A_BROWSER_SENDS_IT = {ord("\r"): None, ord("\n"): None, 0: "\ufffd"}


def fingerprint(name: str | None) -> str:
    """Return a digest that tells which name was seen: browsers change some characters of a hidden field, not these."""
    seen = b"none" if name is None else b"name:" + name.encode()
    return hashlib.sha256(seen).hexdigest()


def is_untouched(name: str | None, typed: str) -> bool:
    """Tell whether a text field that showed `name` was sent back as it was: browsers drop newlines and replace NUL."""
    return typed == (name or "").translate(_AS_A_BROWSER_SENDS_IT)


def is_control(char: str) -> bool:
    """Tell whether no name may hold this character: line breaks, control characters, halves of others."""
    return unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}


def is_blank(name: str) -> bool:
    """Tell whether nothing of it can be seen."""
    return all(unicodedata.category(char) in _INVISIBLE for char in name)


def is_tidied(shown: str | None, wanted: str) -> bool:
    """Tell whether `shown` is `wanted`, or what a service may make of it: trimmed, normalised, in another case, cut."""
    mine, theirs = _folded(wanted), _folded(shown or "")
    return mine == theirs or (len(theirs) >= _SHORTEST_CUT and mine.startswith(theirs))


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
