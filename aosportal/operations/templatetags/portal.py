"""Settings for templates, also those of error pages, which have no context."""

from django import template
from django.conf import settings

from aosportal.operations import overview

register = template.Library()
_SHOWN = ("PRODUCT_NAME", "SUPPORT_URL", "PRIVACY_URL")


@register.simple_tag
def overview_facts() -> list[overview.Fact]:
    """The lines of the administration's front page."""
    return list(overview.facts())


@register.simple_tag
def setting(name: str) -> str:
    """The value of a setting that pages may show. Raises KeyError for any other."""
    return str({shown: getattr(settings, shown) for shown in _SHOWN}[name])
