"""The Django app."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Everything about subscriptions, and no HTTP to APS."""

    name = "subscriptions"

    def ready(self) -> None:
        """Forget a person's list when they sign out, however that happens."""
        from aosportal.passport.signals import signed_out

        from . import snapshots

        signed_out.connect(snapshots.drop_signed_out, dispatch_uid="subscriptions.snapshots")
