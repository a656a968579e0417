"""The states of subscriptions in words."""

from django import template
from django.utils.translation import gettext_lazy

from subscriptions.listing import NO_STATE

register = template.Library()
_WORDS = {
    "Enabled": gettext_lazy("Enabled"),
    "Warned": gettext_lazy("Warned"),
    "PastDue": gettext_lazy("Past due"),
    "Disabled": gettext_lazy("Disabled"),
    "Deleted": gettext_lazy("Deleted"),
    "": gettext_lazy("Not known"),
    NO_STATE: gettext_lazy("Not known"),
}


@register.filter
def state_word(state: str) -> str:
    """Return a state that we know in the reader's language, another as AOS calls it."""
    return str(_WORDS.get(state, state))
