"""The Django app."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class OperationsConfig(AppConfig):
    """Running the portal."""

    name = "aosportal.operations"

    def ready(self) -> None:
        """Make the groups of roles once the last app of ours has its permissions."""
        from aosportal.passport.roles import make_groups

        post_migrate.connect(make_groups, sender=apps.get_app_config("subscriptions"), dispatch_uid="roles.groups")
