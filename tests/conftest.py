"""What every test may ask for: a browser on https, people with a live grant, APS on the wire."""

import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from aosportal import exchange, request_id
from aosportal.passport import rate_limits
from aosportal.passport.backend import _KEYS, AlliancePassport
from aosportal.passport.identity import Identity
from aosportal.passport.models import Grant
from aosportal.passport.sessions import BACKEND_PATH
from aosportal.passport.tokenset import TokenSet
from aosportal.secret import Secret
from subscriptions import aos
from tests.support.fake_aps import ISSUER, FakeAPS

if connection.vendor == "sqlite":
    # A file in WAL mode, as people run it: threads share it as worker processes do.
    _file = Path(tempfile.gettempdir()) / f"portal-tests-{os.getpid()}.sqlite3"
    connection.settings_dict["TEST"]["NAME"] = str(_file)
# Hashed names of static files need `collectstatic`, which portals in processes of their own do meanwhile: look away.
_no_static_files = tempfile.TemporaryDirectory()
settings.STATIC_ROOT = _no_static_files.name
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    """Nothing that a process remembers passes from one test to the next."""
    AlliancePassport.get_openid_configuration.invalidate()
    _KEYS.clear()
    rate_limits.limiter.cache_clear()
    exchange._session.cache_clear()
    aos._policy.cache_clear()
    request_id._current.set("")
    translation.activate(settings.LANGUAGE_CODE)
    request_id.works_for("")


class Browser(Client):
    """A browser on the portal's https address; `secure = False` makes it try plain http."""

    secure = True

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        return super().generic(*args, **{**kwargs, "secure": self.secure})


def browser(**headers: Any) -> Browser:
    """A browser of its own, with its own cookies."""
    return Browser(SERVER_NAME="portal.test", **headers)


@pytest.fixture
def client() -> Browser:
    return browser()


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    """The wire below requests: what is not expected is refused."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def aps(wire: responses.RequestsMock, db: None) -> FakeAPS:
    return FakeAPS().on(wire)


def person(name: str, **expiry: Any) -> User:
    """A user of that name with a live grant, as a sign-in leaves them; the grant is at `user.grant`."""
    user = User.objects.create_user(name, first_name=name.title())
    user.grant = grant_of(user, f"{name}-token", **expiry)
    return user


def grant_of(user: User, token: str, **expiry: Any) -> Grant:
    """A live grant of this user with this access token, as a sign-in leaves it."""
    tokens = TokenSet(
        Secret(token),
        Secret(f"{user.username}-refresh"),
        None,
        timezone.now() + timedelta(**expiry or {"hours": 1}),
        None,
    )
    identity = Identity("id_token", ISSUER, f"sub-{user.username}")
    return Grant.of_sign_in(user, identity, tokens, sid="", scope="openid profile email offline_access")


@pytest.fixture
def alice(db: None) -> User:
    return person("alice")


@pytest.fixture
def bob(db: None) -> User:
    return person("bob")


def sign_in(client: Client, user: User) -> None:
    """Open a session of `user` in this browser, with the grant."""
    client.force_login(user, backend=BACKEND_PATH)
    session = client.session
    session["grant"] = str(user.grant.pk)
    session.save()
