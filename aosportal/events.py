"""What happened, told once for each thing that matters (A27): one line of the log, and one count.

docs/monitoring.md explains each event, its outcomes and its fields; a test compares the two.
"""

import json
import logging
from logging import DEBUG, ERROR, INFO, WARNING

from . import metrics, request_id

logger = logging.getLogger(__name__)
EVENTS: dict[str, dict[str, int]] = {
    # Signing in and out
    "sign_in": {
        "ok": INFO,
        "declined": INFO,
        "refused": WARNING,
        "failed": WARNING,
        "unavailable": WARNING,
        "misconfigured": ERROR,
    },
    "sign_out": {"ok": INFO, "aps_unreached": WARNING, "other_state": INFO},
    "backchannel_logout": {"ok": INFO, "refused": WARNING, "failed": ERROR},
    "grant": {"ended": INFO},
    "refresh": {"ok": INFO, "ended": WARNING, "unavailable": WARNING, "misconfigured": ERROR, "late": ERROR},
    "application_token": {"ok": INFO, "unavailable": WARNING, "misconfigured": ERROR},
    "revocation": {"ok": INFO, "postponed": WARNING, "given_up": ERROR, "unreadable": ERROR},
    # What was refused
    "denied": {"refused": WARNING},
    "csrf": {"refused": WARNING},
    "rate_limit": {"refused": WARNING, "uncounted": ERROR},
    "request": {"bad": WARNING, "failed": ERROR, "database_away": ERROR},
    # Renaming
    "rename": {"confirmed": INFO, "rejected": WARNING, "conflicted": WARNING, "unknown": WARNING, "not_done": WARNING},
    "batch": {"started": INFO, "went_on": INFO, "rests": WARNING, "paused": WARNING, "done": INFO},
    "batch_row": {"unchanged": INFO, "not_there": WARNING, "occupied": WARNING, "repeated": WARNING},
    # APS and AOS
    "call": {
        "ok": DEBUG,
        "unauthorized": INFO,
        "forbidden": WARNING,
        "refused": WARNING,
        "busy": WARNING,
        "failed": WARNING,
        "unusable": WARNING,
        "too_slow": WARNING,
        "unreached": WARNING,
        "tls_failed": ERROR,
        "not_sent": DEBUG,
    },
    "answer": {"refused": WARNING, "unusable": WARNING, "unauthorized": WARNING},
    "upstream": {"down": ERROR, "up": WARNING},
    "gate": {"closed": WARNING, "unshared": WARNING},
    # Running the portal
    "admin": {"done": INFO},
    "worker": {"begun": INFO, "failed": ERROR},
}


def note(event: str, outcome: str, **fields: object) -> None:
    """Log an event with its fields, and count it. Fields that are None or empty are left out.

    `user` is, unless given, the person whom this thread works for. `seconds` is how long it took.
    """
    told = {"event": event, "outcome": outcome, **fields, "user": str(fields.get("user") or request_id.user())}
    told = {name: _rounded(value) for name, value in told.items() if value not in (None, "")}
    words = [event, outcome, *(f"{name}={_word(value)}" for name, value in list(told.items())[2:])]
    logger.log(EVENTS[event][outcome], "%s", " ".join(words), extra={"fields": told})
    metrics.EVENTS.labels(event, outcome).inc()


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value


def _word(value: object) -> str:
    """Text with spaces in quotes, so that a line can be taken apart."""
    text = str(value)
    return text if text.isprintable() and not set(text) & set(' "=') else json.dumps(text)
