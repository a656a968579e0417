"""The small pieces of rows, as filters: a page has hundreds, and an included template costs ten times as much.

Everything from elsewhere goes through `escape`; `format_html` does the same, five times as slowly.
"""

import functools
from html import escape

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from subscriptions.answers import Subscription
from subscriptions.templatetags.states import state_word

register = template.Library()
_SHAPES = {
    "Enabled": "good dot",
    "Warned": "warning diamond",
    "PastDue": "warning diamond",
    "Disabled": "bad square",
    "Deleted": "bad square",
}
_LONGEST_ID = 13  # characters shown whole


@register.filter
def name_cell(name: str | None) -> SafeString:
    """Show a name as AOS has it, isolated so that its writing direction stays its own."""
    if name and not name.isspace():
        return SafeString(f'<bdi class="name">{escape(name)}</bdi>')
    unnamed = gettext("Unnamed")  # by itself, where makemessages finds it
    return SafeString(f'<span class="unnamed">{escape(unnamed)}</span>')


@register.filter
def state_cell(state: str) -> SafeString:
    """Show a state as a word with a shape. A state never heard of gets the ring and its own word."""
    word = escape(state_word(state))
    if state in _SHAPES:
        return SafeString(f'<span class="state {_SHAPES[state]}">{word}</span>')
    return SafeString(f'<span class="state ring"><bdi>{word}</bdi></span>')


@register.filter
def id_cell(id: str) -> SafeString:  # noqa: A002 - AOS's name
    """Show an id, shortened in the middle for the eye alone: read out, searched for and copied it is whole."""
    whole = escape(id)
    if len(id) <= _LONGEST_ID:
        return SafeString(f'<code class="id">{whole}</code>')
    return SafeString(f'<code class="id" title="{whole}" data-end="{escape(id[-4:])}"><span>{whole}</span></code>')


@register.filter
def copy_button(id: str) -> SafeString | str:  # noqa: A002
    """Return the button that copies an id, where list.js is there; empty for none."""
    if not id:
        return ""
    label, done = escape(gettext("Copy %(id)s") % {"id": id}), escape(gettext("Copied."))
    return SafeString(
        f'<button class="copy" type="button" data-copy="{escape(id)}" data-done="{done}" aria-label="{label}"></button>'
    )


@register.filter
def select_label(subscription: Subscription) -> str:
    """Say what ticking a row selects."""
    return gettext("Select %(name)s %(id)s") % {"name": subscription.name or "", "id": subscription.id}


@register.filter
def said_name(subscription: Subscription) -> SafeString | str:
    """Say which subscription is meant, where the eye sees it anyway."""
    if subscription.name and not subscription.name.isspace():
        return SafeString(f"<bdi>{escape(subscription.name)}</bdi>")
    return gettext("unnamed subscription %(id)s") % {"id": subscription.id}


@register.filter
@functools.lru_cache(10_000)
def rename_url(id: str) -> str:  # noqa: A002
    """Return the address of a subscription's rename form."""
    return reverse("subscriptions:rename", args=[id])
