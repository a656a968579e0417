"""What every stand-in page says: the warning, and where the three programs are."""

from django.conf import settings


def places(request):
    """The warning and the addresses, for the base template."""
    return {
        "notice": settings.NOTICE,
        "portal_url": settings.PORTAL_URL,
        "aps_url": settings.APS_URL,
        "aos_url": settings.AOS_URL,
    }
