"""Where a sign-in wanted to go, for when its session is gone: a second tab's cookie may have replaced the first's.

python-social-auth keeps a row for each start, whose `secret` it does not use. A path of ours is noted there, for the
page that offers to start again; it proves nothing and signs nobody in.
"""

from social_django.models import Association

_LONGEST = 255  # characters, as much as the column takes


def note_destination(state: str, destination: str) -> None:
    """Note it beside the start of this state; one that is too long is left out."""
    if 0 < len(destination) <= _LONGEST:
        Association.objects.filter(assoc_type=state).update(secret=destination)


def destination_of(state: str) -> str:
    """Return what was noted, or empty. It is to be judged again before it is used."""
    row = Association.objects.filter(assoc_type=state).first() if state and len(state) <= 64 else None
    return row.secret if row and row.secret.startswith("/") else ""
