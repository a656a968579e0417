"""The environment of the tests, set before the settings are read: a production-like portal on https, DEBUG off."""

import os

FIXED = {
    "DEBUG": "off",
    "SECRET_KEY": "tests-only-0123456789-abcdefghijklmnopqrstuvwxyz-SK-CANARY",
    "PORTAL_URL": "https://portal.test",
    "ADMIT": "everyone",
    "APS_ISSUER": "https://aps.test",
    "APS_CLIENT_ID": "0e7a4a2e-5d5c-4f44-9e6b-8d3f5f3f0a11",
    "APS_CLIENT_SECRET": "CS-CANARY-+%:&secret",
    "AOS_BASE_URL": "https://aos.test",
    "TOKEN_ENCRYPTION_KEYS": "dGVzdHMtb25seS1rZXktb2YtdGhpcnR5dHdvLWJ5dGU=",
    "LOG_LEVEL": "DEBUG",
}
_SECRET_FILES = [f"{name}_FILE" for name in ("SECRET_KEY", "DATABASE_URL", "CACHE_URL", "TOKEN_ENCRYPTION_KEYS")]
_KEPT = {"DATABASE_URL": "sqlite://:memory:", "CACHE_URL": "locmemcache://", "DATABASE_CONNECTIONS": "24"}

for _name in list(os.environ):
    if _name.startswith(("APS_", "AOS_", "SOCIAL_AUTH_")) or _name in _SECRET_FILES:
        del os.environ[_name]
os.environ.update(FIXED)
for _name, _value in _KEPT.items():
    os.environ.setdefault(_name, _value)
