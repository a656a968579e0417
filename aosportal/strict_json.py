"""Reads JSON from elsewhere without guessing."""

import json
import math
from typing import Any

MOST_VALUES = 600_000  # a hundred thousand subscriptions have less; as many empty objects take 40 MB


def read(body: bytes) -> Any:
    """Decode strictly: UTF-8, no doubled keys, finite numbers, not too many values. Raises ValueError otherwise."""
    if sum(map(body.count, (b",", b"{", b"["))) > MOST_VALUES:
        raise ValueError(f"The JSON has more than {MOST_VALUES} values.")
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_without_doubles,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("The JSON has a key twice in one object.")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("The JSON has a number out of range.")
    return number
