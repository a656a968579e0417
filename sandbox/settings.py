"""The stand-ins' settings, read from the environment once. They refuse to exist where `DEBUG` is off."""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
CHECKOUT = Path(__file__).resolve().parent.parent
NOTICE = "Stand-in. Not for production."


def _number(name, default, cast=int):
    try:
        return cast(env(name, default=str(default)))
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number.") from None


def _text_of(path):
    return path.read_text() if path.exists() else ""


if not env.bool("DEBUG", default=False):
    raise ImproperlyConfigured(
        "The stand-ins for APS and AOS are for development only: set DEBUG=on to run them, and never deploy them."
    )

# Django's own stays off: its error pages would show codes and tokens.
DEBUG = False

PORT = _number("PORT", 8000)
APS_PORT = _number("SANDBOX_APS_PORT", PORT + 1)
AOS_PORT = _number("SANDBOX_AOS_PORT", PORT + 2)
PORTAL_URL = env("SANDBOX_PORTAL_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
APS_URL = f"http://127.0.0.1:{APS_PORT}"
AOS_URL = f"http://127.0.0.1:{AOS_PORT}"
CLIENT_ID = env("SANDBOX_CLIENT_ID", default="")
CLIENT_SECRET = env("SANDBOX_CLIENT_SECRET", default="")

DIRECTORY = Path(env("SANDBOX_DIR", default=str(CHECKOUT / ".run" / "sandbox"))).resolve()
SIGNING_KEY_FILE = DIRECTORY / "aps-signing-key.pem"
SECRET_KEY_FILE = DIRECTORY / "secret-key"
# Empty before the first `prepare`, which needs neither.
SECRET_KEY = _text_of(SECRET_KEY_FILE) or "not prepared yet"

# A page elsewhere must not reach the stand-ins through a name of its own that resolves to loopback.
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "oauth2_provider",
    "sandbox",
    "sandbox.passport",
    "sandbox.subscriptions",
    "sandbox.weather",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "sandbox.weather.middleware.PageHeaders",
    "sandbox.weather.middleware.RecordCalls",
    "django.middleware.common.CommonMiddleware",
    "sandbox.weather.middleware.ApplyWeather",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "sandbox.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [CHECKOUT / "sandbox" / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "sandbox.context.places",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = CHECKOUT / "sandbox" / "static"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DIRECTORY / "sandbox.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

AUTH_USER_MODEL = "passport.Person"
LOGIN_URL = "/login"
# Hashes the client's secret only: nobody here has a password.
PASSWORD_HASHERS = ["sandbox.passport.hashing.OneRound"]

# Cookies do not tell ports apart, and the portal is on this host too.
SESSION_COOKIE_NAME = "sandbox_session"
CSRF_COOKIE_NAME = "sandbox_csrf"

OAUTH2_PROVIDER = {
    "OIDC_ENABLED": True,
    "OIDC_ISS_ENDPOINT": APS_URL,
    "OIDC_RSA_PRIVATE_KEY": _text_of(SIGNING_KEY_FILE),
    "OIDC_RESPONSE_TYPES_SUPPORTED": ["code"],
    "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
    "OIDC_RP_INITIATED_LOGOUT_ALWAYS_PROMPT": False,
    # Signing out in one browser must leave the person's other browsers alone.
    "OIDC_RP_INITIATED_LOGOUT_DELETE_TOKENS": False,
    "OAUTH2_VALIDATOR_CLASS": "sandbox.passport.validator.Validator",
    "RESOURCE_SERVER_TOKEN_RESOURCE_VALIDATOR": "sandbox.passport.validator.is_for",
    "SCOPES": {
        "openid": "Know who you are",
        "profile": "See your name",
        "email": "See your e-mail address",
        "offline_access": "Stay signed in while you are away",
        "abs_api": "See and rename your subscriptions",
    },
    "DEFAULT_SCOPES": ["openid"],
    "ACCESS_TOKEN_EXPIRE_SECONDS": _number("SANDBOX_TOKEN_SECONDS", 600),
    "ID_TOKEN_EXPIRE_SECONDS": 600,
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(message)s"}},
    "filters": {"crashes": {"()": "sandbox.server.CrashesOnly"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "plain"},
        "crashes": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["crashes"]},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "sandbox": {"level": "INFO"},
        # Bad weather answers 4xx and 5xx on purpose: only a real crash is news.
        "django.request": {"handlers": ["crashes"], "level": "ERROR", "propagate": False},
    },
}
