"""Changing the weather: one door for the panel and for tests."""

import math
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from sandbox.subscriptions import seeds
from sandbox.weather import conditions
from sandbox.weather.models import Call, Weather


class WishError(ValueError):
    """The wish names something that there is not; the text says what."""


def expire():
    """Every access token is over from now on; refresh tokens still work."""
    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))


def forget():
    """No refresh token is known any more; access tokens live on until they expire."""
    RefreshToken.objects.all().delete()


def reset():
    """Fine weather, the first names, an empty log. Nobody is signed out."""
    Weather.objects.all().delete()
    Weather.current()
    seeds.restore()
    Call.objects.all().delete()


DEEDS = {"expire": expire, "forget": forget, "reset": reset}


@transaction.atomic
def change(wish):
    """Do all that `wish` names, or raise `WishError` and do nothing.

    Keys: `aos`, `aps` (a condition's name), `hits` (everything, changes), `slow_seconds`, `retry_after` (seconds), `do`
    (expire, forget, reset).
    """
    unknown = set(wish) - {"aos", "aps", "hits", "slow_seconds", "retry_after", "do"}
    if unknown:
        raise WishError(f"Unknown key: {sorted(unknown)[0]}")
    if "do" in wish:
        DEEDS[_one_of("do", wish["do"], DEEDS)]()
    weather = Weather.current()
    weather.aos = _one_of("aos", wish.get("aos", weather.aos), conditions.AOS)
    weather.aps = _one_of("aps", wish.get("aps", weather.aps), conditions.APS)
    weather.hits = _one_of("hits", wish.get("hits", weather.hits), conditions.HITS)
    weather.slow_seconds = _seconds("slow_seconds", wish.get("slow_seconds", weather.slow_seconds))
    weather.retry_after = int(_seconds("retry_after", wish.get("retry_after", weather.retry_after)))
    weather.save()


def state():
    """The weather and the latest calls, as the machine interface shows them."""
    weather = Weather.current()
    return {
        "aos": weather.aos,
        "aps": weather.aps,
        "hits": weather.hits,
        "slow_seconds": weather.slow_seconds,
        "retry_after": weather.retry_after,
        "log": [call.as_json() for call in Call.latest()],
    }


def _one_of(key, value, known):
    if value not in list(known):
        raise WishError(f"{key} must be one of: {', '.join(known)}")
    return value


def _seconds(key, value):
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds <= 120:
        raise WishError(f"{key} must be a number from 0 to 120")
    return seconds
