"""The request as our views get it."""

from django.http import HttpRequest

from .models import Grant


class PortalRequest(HttpRequest):
    """A request after GrantMiddleware.

    `grant` is the person's live sign-in; None for visitors and local admins. `came_signed_in` tells whether the browser
    came with a session that APS's sign-in had opened; if it was found over, `ended` is its sign-in as it was, if known.
    """

    grant: Grant | None
    came_signed_in: bool
    ended: Grant | None
