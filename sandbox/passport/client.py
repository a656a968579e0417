"""The portal's registration at the stand-in APS."""

from django.conf import settings
from django.contrib.auth.hashers import check_password
from oauth2_provider.models import Application


def register():
    """Create or update the one client from the settings."""
    client = Application.objects.filter(client_id=settings.CLIENT_ID).first() or Application(
        client_id=settings.CLIENT_ID
    )
    client.name = "AOS Portal"
    client.client_type = Application.CLIENT_CONFIDENTIAL
    client.authorization_grant_type = Application.GRANT_AUTHORIZATION_CODE
    client.algorithm = Application.RS256_ALGORITHM
    client.redirect_uris = f"{settings.PORTAL_URL}/complete/aps/"
    client.post_logout_redirect_uris = f"{settings.PORTAL_URL}/signed-out/"
    if not check_password(settings.CLIENT_SECRET, client.client_secret):
        client.client_secret = settings.CLIENT_SECRET  # hashed by the field
    client.save()
