"""A wrapper that keeps secret text out of logs, tracebacks and templates."""

import contextlib
import traceback
from collections.abc import Iterator
from typing import NoReturn


class Secret:
    """Secret text, such as an access token. Only `reveal` gives it away; str, repr, format and pickle do not."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one line that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled.")


@contextlib.contextmanager
def forgetting() -> Iterator[None]:
    """Empty the local variables of what fails inside: libraries hold codes, tokens and the client secret in theirs.

    Reporters of errors (Sentry and the like) show local variables. File names and lines of the traceback stay.
    """
    try:
        yield
    except Exception as error:
        _forget_locals(error)
        raise


def _forget_locals(error: BaseException) -> None:
    """Those of what it came from, too."""
    found: BaseException | None = error
    while found is not None:
        traceback.clear_frames(found.__traceback__)
        found = found.__cause__ or found.__context__
