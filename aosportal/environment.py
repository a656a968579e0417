"""Reads the process environment with types, and refuses a missing or unsafe value by its name.

Problems are collected, so that an operator sees all of them at once: settings.py ends with `refuse_if_unsafe`.
"""

import datetime
import os
import re
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

_ON_OFF = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
_UNFIT_CLAIMS = {"email", "emails", "email_verified", "name", "given_name", "family_name", "nickname"}
_UNFIT_CLAIMS |= {"preferred_username", "unique_name", "upn"}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Environment:
    """Typed reading of environment variables. A default of None means that there is none.

    Settings never read a file, with one exception: a secret may come from the file that NAME_FILE names.
    """

    def __init__(self) -> None:
        self._problems: list[str] = []

    def problem(self, name: str, remedy: str) -> None:
        """Note that variable `name` cannot be used; `remedy` says what to do and never repeats a secret value."""
        self._problems.append(f"{name}: {remedy}")

    def refuse_if_unsafe(self) -> None:
        """Raise ImproperlyConfigured with a line for each problem, if there was any."""
        if self._problems:
            lines = "\n".join(f"  {line}" for line in self._problems)
            raise ImproperlyConfigured(f"AOS Portal does not start with this environment (see .env.example):\n{lines}")

    def text(self, name: str, default: str | None = None) -> str:
        """One text; empty counts as not set."""
        value = os.environ.get(name, "").strip()  # not by environ.Env, which takes a leading $ for another name
        if not value and default is None:
            self.problem(name, "is not set, and has no default. Set it.")
        return value or default or ""

    def secret(self, name: str, default: str | None = None) -> str:
        """One secret, from NAME or from the file that NAME_FILE names."""
        path = os.environ.get(f"{name}_FILE", "")
        if not path:
            return self.text(name, default)
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.problem(f"{name}_FILE", f"cannot be read ({type(error).__name__}). Name a readable text file.")
            return ""
        if not text:
            self.problem(f"{name}_FILE", "names an empty file. Put the secret into it.")
        return text

    def switch(self, name: str, default: bool) -> bool:
        """`on` or `off` (also true/false, yes/no, 1/0); anything else is refused rather than guessed."""
        value = self.text(name, "on" if default else "off").lower()
        if value not in _ON_OFF:
            self.problem(name, "is neither on nor off. Set one of them.")
        return _ON_OFF.get(value, False)

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str:
        """One of `options`."""
        value = self.text(name, default)
        if value and value not in options:
            self.problem(name, f"must be one of: {', '.join(options)}.")
        return value

    def number(self, name: str, default: float, *, least: float = 0, most: float = 1e9) -> float:
        """A number from `least` to `most`."""
        try:
            value = float(self.text(name, str(default)))
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            self.problem(name, f"must be a number from {least:g} to {most:g}.")
            return default
        return value

    def whole(self, name: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
        """A whole number from `least` to `most`."""
        value = self.number(name, default, least=least, most=most)
        if value != int(value):
            self.problem(name, "must be a whole number.")
        return int(value)

    def date(self, name: str) -> datetime.date | None:
        """A date such as 2027-01-31, or None."""
        value = self.text(name, "")
        try:
            return datetime.date.fromisoformat(value) if value else None
        except ValueError:
            self.problem(name, "must be a date, such as 2027-01-31.")
            return None

    def words(self, name: str, default: str = "") -> list[str]:
        """Words separated by spaces."""
        return self.text(name, default).split()

    def commas(self, name: str) -> list[str]:
        """Texts separated by commas."""
        return [part.strip() for part in self.text(name, "").split(",") if part.strip()]

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """Form fields, as in a query string."""
        try:
            return parse_qsl(self.text(name, ""), keep_blank_values=True, strict_parsing=bool(self.text(name, "")))
        except ValueError:
            self.problem(name, "must be form fields, such as requested_scopes=…&requested_enrollment=….")
            return []

    def url(self, name: str, default: str | None = None, *, loopback_http: bool) -> str:
        """An https URL without user info and fragment; plain http only for this machine, if `loopback_http`."""
        value = self.text(name, default)
        if value and not is_safe_url(value, loopback_http=loopback_http):
            allowed = "https, or http on 127.0.0.1 or localhost" if loopback_http else "https"
            self.problem(name, f"must be an absolute URL with {allowed}, without user name and fragment.")
        return value

    def link(self, name: str) -> str:
        """Where a page leads people: an https address, or mailto: with an e-mail address. Or empty."""
        value = self.text(name, "")
        is_mail = re.fullmatch(r"mailto:[^\s@?&]+@[^\s@?&]+", value)
        if value and not is_mail and not is_safe_url(value, loopback_http=False):
            self.problem(name, "must be an https address, or mailto: with an e-mail address.")
        return value

    def claim(self, name: str) -> str:
        """The name of a claim of APS, or empty; none that a person may choose or that changes hands."""
        value = self.text(name, "")
        if value.lower() in _UNFIT_CLAIMS:
            self.problem(name, f"must not be {value}: it proves nothing. Name a claim that APS alone decides.")
        return value

    def assignments(self, name: str) -> dict[str, str]:
        """Texts given to others, `a=b`, separated by commas."""
        parts = [part.rpartition("=")[::2] for part in self.commas(name)]
        found = {value.strip(): given.strip() for value, given in parts}
        if "" in found or "" in found.values() or len(found) != len(parts):
            self.problem(name, "must be pairs such as value=Group, separated by commas, each value once.")
        return found

    def origin(self, name: str, default: str | None = None, *, loopback_http: bool) -> str:
        """Scheme, host and port alone, such as https://portal.example.com; in small letters."""
        value = self.url(name, default, loopback_http=loopback_http).rstrip("/").lower()
        if value.count("/") > 2 or "?" in value:
            self.problem(name, "must be an origin: scheme, host and port, without a path.")
        return value

    def secrets(self, name: str) -> list[str]:
        """Secrets separated by commas; none by default."""
        return [part.strip() for part in self.secret(name, "").split(",") if part.strip()]

    def folder(self, name: str) -> str:
        """The absolute path of a folder that is there, or empty."""
        path = self.text(name, "")
        if path and not (Path(path).is_absolute() and Path(path).is_dir()):
            self.problem(name, "must be the absolute path of a folder that is there. Make it, or leave it out.")
        return path

    def fernet_keys(self, name: str) -> list[str]:
        """Fernet keys, newest first: 32 random bytes each in URL-safe base64."""
        text = self.secret(name)
        keys = [key.strip() for key in text.split(",") if key.strip()]
        if text and not keys:
            self.problem(name, "holds no key. Make one: see .env.example.")
        for position, key in enumerate(keys, start=1):
            try:
                Fernet(key)
            except ValueError:
                self.problem(name, f"key {position} is not a Fernet key. Make one: see .env.example.")
        return keys

    def path(self, name: str, default: str) -> str:
        """The path of a URL: it begins with a slash, and holds no dots for parents, query or fragment."""
        value = self.text(name, default)
        if not re.fullmatch(r"(/[\w.~-]+)+/?", value, re.ASCII) or "/.." in value:
            self.problem(name, "must be the path of a URL, such as /api/v2/subscriptions.")
        return value

    def proxy(self, name: str) -> str:
        """The address of an HTTP proxy, or empty. It may be http: TLS goes through it from end to end."""
        value = self.text(name, "")
        parts = urlsplit(value)
        if value and not (parts.scheme in ("http", "https") and parts.hostname):
            self.problem(name, "must be the address of a proxy, such as http://proxy.example.com:3128.")
        return value

    def certificates(self, name: str) -> str:
        """The path of a PEM file of trusted roots, or empty."""
        path = self.text(name, "")
        if not path:
            return ""
        try:
            ssl.create_default_context(cafile=path)
        except OSError:  # an unreadable file, or one that holds no certificate
            self.problem(name, "names no readable PEM file of certificates.")
        return path

    def database(self, name: str, default: str | None = None) -> dict[str, Any]:
        """A database URL as Django's dictionary: SQLite or PostgreSQL."""
        url = self.secret(name, default)
        found = self._parsed(name, url, environ.Env.db_url_config)
        if url and found.get("ENGINE", "").rsplit(".", 1)[-1] not in ("sqlite3", "postgresql"):
            self.problem(name, "must begin with sqlite:/// or postgres://.")
        return found if found.get("ENGINE") else {"ENGINE": "django.db.backends.dummy"}

    def cache(self, name: str, default: str) -> dict[str, Any]:
        """A cache URL as Django's dictionary."""
        found = self._parsed(name, self.secret(name, default), environ.Env.cache_url_config)
        if not found.get("BACKEND"):
            self.problem(name, "must begin with locmemcache:// or rediscache://.")
        return found

    def _parsed(self, name: str, url: str, parse: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        try:
            return dict(parse(url)) if url else {}
        except (ImproperlyConfigured, ValueError, KeyError):
            return {}


def is_loopback(host: str | None) -> bool:
    """Whether `host` is this machine itself."""
    return host in _LOOPBACK


def is_safe_url(value: str, *, loopback_http: bool) -> bool:
    """Whether `value` is an absolute https URL, or http on this machine where that is allowed."""
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) or parts.username is not None or parts.fragment or not port_is_valid:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and loopback_http and is_loopback(host))
