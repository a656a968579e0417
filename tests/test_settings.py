"""Starting: what is missing or unsafe is refused by name, in a process of its own."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.environment import FIXED

ROOT = Path(__file__).resolve().parent.parent
GOOD = {**FIXED, "DATABASE_URL": "postgres://portal@127.0.0.1/portal", "PATH": os.environ["PATH"]}


def start(**changes):
    """Run `manage.py check` with a production environment and some changes; None takes a variable away."""
    environment = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    command = [sys.executable, "manage.py", "check"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_good_environment_starts():
    assert start().returncode == 0


def test_e18_calls_to_aos_leave_threads_for_other_pages():
    threads = runpy.run_path(str(ROOT / "gunicorn.conf.py"))["threads"]
    assert threads * 3 // 4 >= settings.AOS_CALLS


REFUSED = {
    "no secret key": ({"SECRET_KEY": None}, "SECRET_KEY: is not set"),
    "short secret key": ({"SECRET_KEY": "short-SK-CANARY"}, "SECRET_KEY: is too short"),
    "no client id": ({"APS_CLIENT_ID": None}, "APS_CLIENT_ID: is not set"),
    "no client secret": ({"APS_CLIENT_SECRET": None}, "APS_CLIENT_SECRET: is not set"),
    "empty client secret": ({"APS_CLIENT_SECRET": " "}, "APS_CLIENT_SECRET: is not set"),
    "no portal address": ({"PORTAL_URL": None}, "PORTAL_URL: is not set"),
    "portal on http": ({"PORTAL_URL": "http://portal.test"}, "PORTAL_URL: must be an absolute URL with https"),
    "portal with a path": ({"PORTAL_URL": "https://portal.test/app"}, "PORTAL_URL: must be an origin"),
    "portal with a user": ({"PORTAL_URL": "https://a:b@portal.test"}, "PORTAL_URL: must be"),
    "issuer on http": ({"APS_ISSUER": "http://aps.test"}, "APS_ISSUER: must be"),
    "loopback http without the switch": ({"AOS_BASE_URL": "http://127.0.0.1:8002"}, "AOS_BASE_URL: must be"),
    "loopback http for another host": (
        {"AOS_BASE_URL": "http://aos.test", "LOOPBACK_HTTP": "on"},
        "AOS_BASE_URL: must be",
    ),
    "nobody decided who comes in": ({"ADMIT": None}, "ADMIT: is not set"),
    "nonsense who comes in": ({"ADMIT": "friends"}, "ADMIT: must be one of: everyone, listed"),
    "a role that is none": ({"ROLES": "some"}, "ROLES: must be one of: everyone, assigned"),
    "tenants without a claim": ({"APS_TENANTS": "t-1"}, "APS_TENANTS: goes with APS_TENANT_CLAIM"),
    "a claim without groups": ({"APS_GROUP_CLAIM": "roles"}, "APS_GROUPS: goes with APS_GROUP_CLAIM"),
    "groups by e-mail": ({"APS_GROUP_CLAIM": "email", "APS_GROUPS": "a=B"}, "APS_GROUP_CLAIM: must not be email"),
    "groups by another e-mail": (
        {"APS_GROUP_CLAIM": "Emails", "APS_GROUPS": "a=B"},
        "APS_GROUP_CLAIM: must not be Emails",
    ),
    "groups that are no pairs": ({"APS_GROUP_CLAIM": "roles", "APS_GROUPS": "a=B,c"}, "APS_GROUPS: must be pairs"),
    "a help page that is a script": ({"SUPPORT_URL": "javascript:alert(1)"}, "SUPPORT_URL: must be an https"),
    "no encryption keys": ({"TOKEN_ENCRYPTION_KEYS": None}, "TOKEN_ENCRYPTION_KEYS: is not set"),
    "an encryption key that is none": ({"TOKEN_ENCRYPTION_KEYS": "KEY-CANARY"}, "TOKEN_ENCRYPTION_KEYS: key 1 is not"),
    "no database": ({"DATABASE_URL": None}, "DATABASE_URL: is not set"),
    "a database elsewhere without TLS": (
        {"DATABASE_URL": "postgres://portal:PW-CANARY@db.test/p"},
        "DATABASE_URL: must end in ?sslmode=verify-full",
    ),
    "a database elsewhere without TLS, named at the end": (
        {"DATABASE_URL": "postgres://portal@/p?host=db.test"},
        "DATABASE_URL: must end in ?sslmode=verify-full",
    ),
    "a wildcard host": ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS: must name whole hosts"),
    "a switch that is none": ({"DEBUG": "maybe"}, "DEBUG: is neither on nor off"),
    "a time that is none": ({"AOS_TIMEOUT": "soon"}, "AOS_TIMEOUT: must be a number"),
    "as many calls to AOS as threads": (
        {"WEB_THREADS": "4", "AOS_CALLS": "4"},
        "AOS_CALLS: must be a number from 1 to 3",
    ),
    "an endless time": ({"AOS_TIMEOUT": "inf"}, "AOS_TIMEOUT: must be a number"),
    "no such CA bundle": ({"CA_BUNDLE": "/nowhere.pem"}, "CA_BUNDLE: names no readable PEM"),
    "no such secret file": (
        {"APS_CLIENT_SECRET": None, "APS_CLIENT_SECRET_FILE": "/nowhere"},
        "APS_CLIENT_SECRET_FILE: cannot be read",
    ),
    "an empty secret file": (
        {"APS_CLIENT_SECRET": None, "APS_CLIENT_SECRET_FILE": os.devnull},
        "APS_CLIENT_SECRET_FILE: names an empty file",
    ),
    "an empty database file": (
        {"DATABASE_URL": None, "DATABASE_URL_FILE": os.devnull},
        "DATABASE_URL_FILE: names an empty file",
    ),
    "an empty key file": (
        {"TOKEN_ENCRYPTION_KEYS": None, "TOKEN_ENCRYPTION_KEYS_FILE": os.devnull},
        "TOKEN_ENCRYPTION_KEYS_FILE: names an empty",
    ),
    "a list of no keys": ({"TOKEN_ENCRYPTION_KEYS": " , "}, "TOKEN_ENCRYPTION_KEYS: holds no key"),
    "a database that is none": ({"DATABASE_URL": "nonsense"}, "DATABASE_URL: must begin with"),
    "a database of another kind": ({"DATABASE_URL": "mysql://portal@127.0.0.1/p"}, "DATABASE_URL: must begin with"),
    "a cache that is none": ({"CACHE_URL": "nonsense://x"}, "CACHE_URL: must begin with"),
    "a CA bundle without certificates": ({"CA_BUNDLE": str(ROOT / "LICENSE")}, "CA_BUNDLE: names no readable PEM"),
    "a host with a space": ({"PORTAL_URL": "https://p.exa mple.com"}, "PORTAL_URL: must be"),
    "a path with parents": ({"AOS_SUBSCRIPTIONS_PATH": "/a/../b"}, "AOS_SUBSCRIPTIONS_PATH: must be the path"),
    "a last day that is none": (
        {"APS_CLIENT_SECRET_EXPIRES": "soon-CANARY"},
        "APS_CLIENT_SECRET_EXPIRES: must be a date, such as",
    ),
    "a port that is none": ({"PORT": "99999"}, "PORT: must be a number from 1 to 65535"),
    "no openid": ({"APS_SCOPE": "profile"}, "APS_SCOPE: must hold openid"),
    "a proxy that is none": ({"OUTBOUND_PROXY": "proxy:3128"}, "OUTBOUND_PROXY: must be"),
    "an identity that is none": ({"APS_IDENTITY": "guess"}, "APS_IDENTITY: must be one of: id_token, userinfo"),
    "no discovery and no endpoints": ({"APS_DISCOVERY": "off"}, "APS_TOKEN_URL: is not set, and APS_DISCOVERY is off"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_to_start_and_says_what_to_do(case):
    changes, message = REFUSED[case]
    refused = start(**changes)

    assert refused.returncode == 1
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "CANARY" not in refused.stderr


def test_all_problems_are_said_at_once():
    refused = start(SECRET_KEY=None, ADMIT=None)

    assert "SECRET_KEY" in refused.stderr
    assert "ADMIT" in refused.stderr


def test_a_secret_may_come_from_a_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from-the-file\n")

    assert start(APS_CLIENT_SECRET=None, APS_CLIENT_SECRET_FILE=str(secret)).returncode == 0


def test_an_https_portal_in_capitals_is_an_https_portal():
    code = "from django.conf import settings; print(settings.PORTAL_URL, settings.SESSION_COOKIE_SECURE)"
    environment = {**GOOD, "PORTAL_URL": "HTTPS://Portal.Test", "DJANGO_SETTINGS_MODULE": "aosportal.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.stdout == "https://portal.test True\n"


@pytest.mark.parametrize("value", ["$ecret", "$PATH", "a$b"])
def test_a_dollar_in_a_secret_is_a_dollar(value):
    code = "from django.conf import settings; print(settings.SOCIAL_AUTH_APS_SECRET)"
    environment = {**GOOD, "APS_CLIENT_SECRET": value, "DJANGO_SETTINGS_MODULE": "aosportal.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.stdout == f"{value}\n"


def test_an_ordinary_proxy_starts():
    assert start(OUTBOUND_PROXY="http://proxy.corp:3128").returncode == 0


def test_a_remote_database_with_verified_tls_starts():
    assert start(DATABASE_URL="postgres://portal@db.test/portal?sslmode=verify-full").returncode == 0


def test_a_database_behind_a_socket_starts():
    assert start(DATABASE_URL="postgres://portal:pw@/portal?host=/var/run/postgresql").returncode == 0


def test_env_example_lists_exactly_what_is_read():
    read = set()
    for source in (ROOT / "aosportal" / "settings.py", ROOT / "gunicorn.conf.py"):
        read |= set(
            re.findall(
                r"""(?:env\.\w+|environ\.get|environ|getenv)[(\[]\s*["']([A-Z][A-Z0-9_]+)["']""", source.read_text()
            )
        )
    listed = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))

    assert listed == read


def test_no_setting_of_social_auth_has_a_bare_name(settings):
    bare = (
        "KEY",
        "SECRET",
        "SCOPE",
        "PIPELINE",
        "VERIFY_SSL",
        "PROXIES",
        "EXTRA_DATA",
        "RESOURCE",
        "USE_PKCE",
        "REQUESTS_TIMEOUT",
        "JWT_LEEWAY",
    )

    assert [name for name in bare if hasattr(settings, name)] == []
