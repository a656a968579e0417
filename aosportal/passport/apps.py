"""The Django app."""

from django.apps import AppConfig


class PassportConfig(AppConfig):
    """Signing in with APS, and the token vault."""

    name = "aosportal.passport"
    label = "passport"
    verbose_name = "Alliance Passport"

    def ready(self) -> None:
        """Register the system checks, and listen to people being disabled or deleted."""
        from . import checks, people  # noqa: F401

        people.connect()
