"""What the stand-in AOS keeps."""

from django.conf import settings
from django.db import models


class Subscription(models.Model):
    """One subscription of one person; AOS names it by `id`, and shows `subscription_id` beside it."""

    id = models.UUIDField(primary_key=True)
    subscription_id = models.UUIDField(unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    position = models.PositiveIntegerField()
    display_name = models.TextField(null=True)  # noqa: DJ001 (the API tells "no name" from an empty one)
    state = models.CharField(max_length=40)

    class Meta:
        ordering = ("position",)

    def __str__(self):
        return self.display_name or "Unnamed"

    def as_json(self):
        """The item as the API shows it."""
        return {
            "id": str(self.id),
            "subscriptionId": str(self.subscription_id),
            "displayName": self.display_name,
            "state": self.state,
        }
