"""Django system checks of the sign-in."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string
from social_core.backends.base import BaseAuth


@register
def one_provider_alone(**options: Any) -> list[CheckMessage]:
    """Refuse a second provider: mix-up between two (RFC 9700 section 4.4) is defended against for one issuer alone."""
    social = [path for path in settings.AUTHENTICATION_BACKENDS if issubclass(import_string(path), BaseAuth)]
    if len(social) <= 1:
        return []
    hint = "Sign people in with APS alone, or first make every callback require `iss` (RFC 9207)."
    return [Error(f"More than one sign-in provider: {', '.join(social)}", hint=hint, id="passport.E001")]
