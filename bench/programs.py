"""What the programs beside the portal share: stock Django settings, the same template, a database of their own."""

import os
from pathlib import Path
from typing import Any

from environ import Env

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
    }
]


def configure(urls: str, *, apps: list[str], **more: Any) -> None:
    """Set Django up as `startproject` does, with a PostgreSQL of its own."""
    from django.conf import settings

    settings.configure(
        SECRET_KEY="only-for-the-benchmark",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=urls,
        TEMPLATES=TEMPLATES,
        DATABASES={"default": Env.db_url_config(os.environ["DATABASE_URL"])},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            *apps,
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        **more,
    )
