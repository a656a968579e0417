"""All settings, read once from the environment. `.env.example` explains every variable; a test compares the two."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .environment import Environment, is_loopback

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

# --- Development or production -----------------------------------------------------------------------------------
DEBUG = env.switch("DEBUG", default=False)
LOOPBACK_HTTP = env.switch("LOOPBACK_HTTP", default=DEBUG)
_sample_key = "development-only-" * 4
SECRET_KEY = env.secret("SECRET_KEY", default=_sample_key if DEBUG else None)
if not DEBUG and SECRET_KEY and (len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or _sample_key in SECRET_KEY):
    env.problem("SECRET_KEY", "is too short or a sample. Make one of at least 50 random characters: see .env.example.")
SECRET_KEY_FALLBACKS = env.secrets("SECRET_KEY_FALLBACKS")

# --- Where the portal is -----------------------------------------------------------------------------------------
_port = env.whole("PORT", default=8000, least=1, most=65535)
PORTAL_URL = env.origin(
    "PORTAL_URL", default=f"http://127.0.0.1:{_port}" if DEBUG else None, loopback_http=LOOPBACK_HTTP
)
PORTAL_HOST = urlsplit(PORTAL_URL).hostname or "portal.invalid"
IS_HTTPS = PORTAL_URL.startswith("https://")
ALLOWED_HOSTS = [PORTAL_HOST, *env.commas("ALLOWED_HOSTS")]
if is_loopback(PORTAL_HOST):
    ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]"]
if any("*" in host or host.startswith(".") for host in ALLOWED_HOSTS):
    env.problem("ALLOWED_HOSTS", "must name whole hosts, without wildcards.")
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
TRUST_PROXY_HEADERS = env.whole("TRUST_PROXY_HEADERS", default=0)
if TRUST_PROXY_HEADERS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- What it calls itself, and where help is ---------------------------------------------------------------------
PRODUCT_NAME = env.text("PRODUCT_NAME", default="AOS Portal")
SUPPORT_URL = env.link("SUPPORT_URL")
PRIVACY_URL = env.link("PRIVACY_URL")

# --- Django ------------------------------------------------------------------------------------------------------
ROOT_URLCONF = "aosportal.urls"
WSGI_APPLICATION = "aosportal.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "social_django",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "aosportal.passport",
    "aosportal.operations",
    "subscriptions",
]
MIDDLEWARE = [
    "aosportal.request_id.RequestIdMiddleware",
    "aosportal.operations.watching.WatchMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "aosportal.middleware.PageSecurityMiddleware",
    "aosportal.operations.watching.PlatformMiddleware",
    "aosportal.middleware.PortalHostMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "aosportal.middleware.WholePageMiddleware",
    "aosportal.passport.middleware.GrantMiddleware",
    "subscriptions.rescue.SignInFirstMiddleware",
    "aosportal.passport.middleware.SignInFailureMiddleware",
    "aosportal.passport.middleware.SignInRequiredMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aosportal.language.on_pages",
                "aosportal.request_id.on_pages",
                "aosportal.passport.sessions.limits",
                "aosportal.operations.permits.on_pages",
                "subscriptions.notices.on_pages",
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["aosportal.formats"]
USE_I18N = True
TIME_ZONE = "UTC"  # static/zone.js shows times in the viewer's own zone
USE_TZ = True
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]  # nothing large, nothing on disk
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # the default puts names into a cookie

# --- Database and cache ------------------------------------------------------------------------------------------
_database: dict[str, Any] = env.database(
    "DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'portal.sqlite3'}" if DEBUG else None
)
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,  # seconds
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    if _database["ENGINE"] == "django.db.backends.postgresql":
        _database["ENGINE"] = "aosportal.postgresql"  # tries each connection first
    _database["CONN_MAX_AGE"], _database["CONN_HEALTH_CHECKS"] = 0, False  # the pool keeps them
    _host = _database.get("OPTIONS", {}).get("host") or _database.get("HOST") or ""
    _is_local = not _host or _host.startswith("/") or is_loopback(_host)
    if not _is_local and _database.get("OPTIONS", {}).get("sslmode") != "verify-full":
        env.problem("DATABASE_URL", "must end in ?sslmode=verify-full for a database on another host.")
    _unreachable = {"connect_timeout": 2, "tcp_user_timeout": 5000}  # seconds; milliseconds
    _database["OPTIONS"] = {**_unreachable, **_database.get("OPTIONS", {})}
    _database["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": env.whole("DATABASE_CONNECTIONS", default=10, least=1),  # of each process
        "max_idle": 60,  # seconds until one that nobody needs is closed
        "timeout": 3,  # seconds that a thread waits for one
        "reconnect_timeout": 1,  # seconds; who comes after that tries anew
    }
DATABASES = {"default": _database}
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}

# --- Alliance Passport Services (APS) ----------------------------------------------------------------------------
APS_ISSUER = env.url("APS_ISSUER", default="https://fenix-alliance.com", loopback_http=LOOPBACK_HTTP)
APS_DISCOVERY = env.switch("APS_DISCOVERY", default=True)
APS_ALLOWED_HOSTS = env.commas("APS_ALLOWED_HOSTS")
APS_IDENTITY = env.choice("APS_IDENTITY", ("id_token", "userinfo"), default="id_token")
APS_APPLICATION_SCOPE = env.text("APS_APPLICATION_SCOPE", default="")
APS_APPLICATION_FORM = env.pairs("APS_APPLICATION_FORM")
APS_TIMEOUT = env.number("APS_TIMEOUT", default=10.0, least=0.1)  # seconds for one call, name look-up to last byte
APS_URLS = {
    "AUTHORIZATION_URL": env.url("APS_AUTHORIZATION_URL", default="", loopback_http=LOOPBACK_HTTP),
    "ACCESS_TOKEN_URL": env.url("APS_TOKEN_URL", default="", loopback_http=LOOPBACK_HTTP),
    "USERINFO_URL": env.url("APS_USERINFO_URL", default="", loopback_http=LOOPBACK_HTTP),
    "JWKS_URI": env.url("APS_JWKS_URL", default="", loopback_http=LOOPBACK_HTTP),
    "REVOKE_TOKEN_URL": env.url("APS_REVOCATION_URL", default="", loopback_http=LOOPBACK_HTTP),
    "END_SESSION_URL": env.url("APS_END_SESSION_URL", default="", loopback_http=LOOPBACK_HTTP),
}
if not APS_DISCOVERY:
    _needed = {"APS_AUTHORIZATION_URL": "AUTHORIZATION_URL", "APS_TOKEN_URL": "ACCESS_TOKEN_URL"}
    _needed |= {"APS_JWKS_URL": "JWKS_URI"} if APS_IDENTITY == "id_token" else {"APS_USERINFO_URL": "USERINFO_URL"}
    for _name, _key in _needed.items():
        if not APS_URLS[_key]:
            env.problem(_name, "is not set, and APS_DISCOVERY is off. Set it, or set APS_DISCOVERY=on.")

# --- Alliance Online Services (AOS) ------------------------------------------------------------------------------
AOS_BASE_URL = env.origin("AOS_BASE_URL", default="https://fenix-alliance.com", loopback_http=LOOPBACK_HTTP)
AOS_SUBSCRIPTIONS_PATH = env.path("AOS_SUBSCRIPTIONS_PATH", default="/api/v2/subscriptions")
AOS_QUERY = env.text("AOS_QUERY", default="")
AOS_TIMEOUT = env.number("AOS_TIMEOUT", default=10.0, least=0.1)  # seconds for one call, name look-up to last byte
# Calls to AOS at once in each process. Fewer than it has threads: the others serve pages that do not need AOS.
_threads = env.whole("WEB_THREADS", default=64, least=1)
AOS_CALLS = env.whole("AOS_CALLS", default=max(1, _threads * 3 // 4), least=1, most=max(1, _threads - 1))
BATCH_CALLS = env.whole("BATCH_CALLS", default=min(8, AOS_CALLS), least=1, most=AOS_CALLS)  # of those, for batches
LIST_SECONDS = env.whole("LIST_SECONDS", default=60)  # how long a list that was read serves searching and paging
OUTAGE_LIST_HOURS = env.number("OUTAGE_LIST_HOURS", default=24, most=24 * 365)  # and how long when AOS is down
DISPLAY_NAME_LIMIT = env.whole("DISPLAY_NAME_LIMIT", default=255, least=1)  # characters

# --- How long data is kept ----------------------------------------------------------------------------------------
RETENTION_DAYS = env.whole("RETENTION_DAYS", default=90, least=1)
LEDGER_RETENTION_DAYS = env.whole("LEDGER_RETENTION_DAYS", default=730, least=30)
LEDGER_EXPORT_DIR = env.folder("LEDGER_EXPORT_DIR")

# --- Outbound calls ----------------------------------------------------------------------------------------------
CA_BUNDLE = env.certificates("CA_BUNDLE")
CONNECT_TIMEOUT = env.number("CONNECT_TIMEOUT", default=3.0, least=0.1)  # seconds
MAX_ANSWER_BYTES = env.whole("MAX_ANSWER_BYTES", default=20_000_000, least=1000)
OUTBOUND_PROXY = env.proxy("OUTBOUND_PROXY")

# --- Signing in --------------------------------------------------------------------------------------------------
ADMIT = env.choice("ADMIT", ("everyone", "listed"), default="everyone" if DEBUG else None)
ROLES = env.choice("ROLES", ("everyone", "assigned"), default="everyone")
APS_TENANT_CLAIM = env.claim("APS_TENANT_CLAIM")
APS_TENANTS = env.commas("APS_TENANTS")
if bool(APS_TENANT_CLAIM) != bool(APS_TENANTS):
    env.problem("APS_TENANTS", "goes with APS_TENANT_CLAIM: set both, or neither.")
APS_GROUP_CLAIM = env.claim("APS_GROUP_CLAIM")
APS_GROUPS = env.assignments("APS_GROUPS")
if bool(APS_GROUP_CLAIM) != bool(APS_GROUPS):
    env.problem("APS_GROUPS", "goes with APS_GROUP_CLAIM: set both, or neither.")
TOKEN_ENCRYPTION_KEYS = env.fernet_keys("TOKEN_ENCRYPTION_KEYS")
SIGN_IN_RATE_ADDRESS = env.whole("SIGN_IN_RATE_ADDRESS", default=60, least=1)  # a minute
SIGN_IN_RATE_BROWSER = env.whole("SIGN_IN_RATE_BROWSER", default=20, least=1)  # a minute
LOCAL_ADMIN = env.switch("LOCAL_ADMIN", default=False)
AUTHENTICATION_BACKENDS = ["aosportal.passport.backend.AlliancePassport"]
AUTHENTICATION_BACKENDS.append(
    "django.contrib.auth.backends.ModelBackend" if LOCAL_ADMIN else "aosportal.passport.roles.PermissionsAlone"
)
LOGIN_URL = "passport:login"
LOGIN_REDIRECT_URL = "/subscriptions/"
SOCIAL_AUTH_URL_NAMESPACE = "social"
SOCIAL_AUTH_RAISE_EXCEPTIONS = False
SOCIAL_AUTH_SANITIZE_REDIRECTS = True
SOCIAL_AUTH_ALLOWED_REDIRECT_HOSTS: list[str] = []
# Each under the backend's own prefix: python-social-auth also honours bare names such as SCOPE or VERIFY_SSL.
SOCIAL_AUTH_APS_KEY = env.text("APS_CLIENT_ID")
SOCIAL_AUTH_APS_SECRET = env.secret("APS_CLIENT_SECRET")
APS_CLIENT_SECRET_EXPIRES = env.date("APS_CLIENT_SECRET_EXPIRES")  # for the self-test to warn in time
SOCIAL_AUTH_APS_SCOPE = env.words("APS_SCOPE", default="openid profile email offline_access")
if APS_IDENTITY == "id_token" and "openid" not in SOCIAL_AUTH_APS_SCOPE:
    env.problem("APS_SCOPE", "must hold openid: without it APS issues no ID token. Or set APS_IDENTITY=userinfo.")
SOCIAL_AUTH_APS_IGNORE_DEFAULT_SCOPE = True
SOCIAL_AUTH_APS_RESOURCE = env.words("APS_RESOURCE", default=AOS_BASE_URL)
SOCIAL_AUTH_APS_TOKEN_ENDPOINT_AUTH_METHOD = env.choice(
    "APS_CLIENT_AUTH", ("client_secret_post", "client_secret_basic"), default="client_secret_post"
)
SOCIAL_AUTH_APS_OIDC_ENDPOINT = APS_ISSUER.rstrip("/")
SOCIAL_AUTH_APS_ID_TOKEN_ISSUER = APS_ISSUER
SOCIAL_AUTH_APS_AUTHORIZATION_URL = APS_URLS["AUTHORIZATION_URL"]
SOCIAL_AUTH_APS_ACCESS_TOKEN_URL = APS_URLS["ACCESS_TOKEN_URL"]
SOCIAL_AUTH_APS_USERINFO_URL = APS_URLS["USERINFO_URL"]
SOCIAL_AUTH_APS_JWKS_URI = APS_URLS["JWKS_URI"]
SOCIAL_AUTH_APS_REVOKE_TOKEN_URL = APS_URLS["REVOKE_TOKEN_URL"]
SOCIAL_AUTH_APS_END_SESSION_URL = APS_URLS["END_SESSION_URL"]
SOCIAL_AUTH_APS_MAX_AGE = env.whole("APS_MAX_AGE", default=0) or None  # seconds
SOCIAL_AUTH_APS_USE_PKCE = True
SOCIAL_AUTH_APS_JWT_ALGORITHMS = ["RS256", "ES256", "PS256"]
SOCIAL_AUTH_APS_JWT_LEEWAY = 30  # seconds
SOCIAL_AUTH_APS_STATE_LIFETIME = SOCIAL_AUTH_APS_NONCE_LIFETIME = 600  # seconds
SOCIAL_AUTH_APS_VERIFY_SSL = True
SOCIAL_AUTH_APS_EXTRA_DATA: list[str] = []
# APS owns these fields: an address or a name that changes there changes here at the next sign-in.
SOCIAL_AUTH_APS_NO_DEFAULT_PROTECTED_USER_FIELDS = True
SOCIAL_AUTH_APS_PROTECTED_USER_FIELDS = ["username", "id", "pk", "password", "is_active", "is_staff", "is_superuser"]
SOCIAL_AUTH_APS_PIPELINE = (
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_names",
    "social_core.pipeline.social_auth.social_uid",
    "social_core.pipeline.social_auth.auth_allowed",
    "aosportal.passport.pipeline.refuse_other_tenants",
    "social_core.pipeline.social_auth.social_user",
    "aosportal.passport.pipeline.refuse_joining",
    "social_core.pipeline.user.get_username",
    "social_core.pipeline.user.create_user",
    "social_core.pipeline.social_auth.associate_user",
    "aosportal.passport.pipeline.apply_groups",
    "aosportal.passport.pipeline.refuse_unwelcome",
    "social_core.pipeline.social_auth.load_extra_data",
    "social_core.pipeline.user.user_details",
    "aosportal.passport.pipeline.store_grant",
)

# --- Cookies and headers -----------------------------------------------------------------------------------------
_prefix = "__Host-" if IS_HTTPS else ""
SESSION_COOKIE_NAME = f"{_prefix}aosportal_session"
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would lose the cookie on APS's redirect back to us
SESSION_IDLE_MINUTES = env.number("SESSION_IDLE_MINUTES", default=60, least=1)
SESSION_ABSOLUTE_HOURS = env.number("SESSION_ABSOLUTE_HOURS", default=12, least=0.1)
SESSION_COOKIE_AGE = int(SESSION_ABSOLUTE_HOURS * 60 * 60)  # seconds
CSRF_COOKIE_NAME = f"{_prefix}aosportal_csrf"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_NAME = f"{_prefix}aosportal_language"
LANGUAGE_COOKIE_SECURE = IS_HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60  # seconds
CSRF_FAILURE_VIEW = "subscriptions.rescue.csrf_failure"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/(live|ready)$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # preloading HSTS is the domain owner's choice
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Watching, logging and error reports -------------------------------------------------------------------------
METRICS_TOKEN = env.secret("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 16:
    env.problem("METRICS_TOKEN", "is too short. Make one of at least 16 random characters, or leave it out.")
LOG_FORMAT = env.choice("LOG_FORMAT", ("line", "json"), default="line")
LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
DEFAULT_EXCEPTION_REPORTER_FILTER = "aosportal.logs.NoLocalsFilter"
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "aosportal.logs.CarefulFormatter",
            "format": "{asctime} {levelname} {name} {request_id} {message}",
            "style": "{",
        },
        "json": {"()": "aosportal.logs.JSONFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # Their DEBUG lines hold query strings, and SQL with session keys.
        "urllib3": {"level": "INFO"},
        "requests": {"level": "INFO"},
        "django.db.backends": {"level": "INFO"},
    },
}

env.refuse_if_unsafe()
