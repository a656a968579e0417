"""What the rows of lists are made of, as filters: a page has hundreds, and a template costs ten times as much.

Everything from elsewhere goes through `escape`; `format_html` does the same, five times as slowly.
"""

import functools
from html import escape
from typing import Any

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_noop

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
    whole, done = escape(id), _said(gettext_noop("Copied."))
    label = _said(gettext_noop("Copy %(id)s")) % {"id": whole}
    return SafeString(
        f'<button class="copy" type="button" data-copy="{whole}" data-done="{done}" aria-label="{label}"></button>'
    )


@register.filter
def hinders(trouble: object, permits: Any) -> Any:
    """Return what the person may do; None while AOS is in trouble."""
    return None if trouble else permits


@register.filter
def tick_and_name(subscription: Subscription, permits: Any) -> SafeString:
    """Show what a row begins with: a checkbox where it can be renamed with others, and the name."""
    name = name_cell(subscription.name)
    if not permits or not subscription.can_rename:
        return SafeString(f"<span>{name}</span>")
    tick = _tick(subscription) if permits.rename_many else ""
    span = "<span data-name>" if permits.rename else "<span>"
    return SafeString(f"{tick}{span}{name}</span>")


@register.filter
def cells_after_name(subscription: Subscription, permits: Any) -> SafeString:
    """Show the other cells of a row: the state, both ids, and where renaming is offered at all, the way to it."""
    cells = f'<td role="cell">{state_cell(subscription.state)}</td>\n'
    cells += _id_and_button(_said(gettext_noop("Id")), subscription.id)
    cells += _id_and_button(_said(gettext_noop("Subscription id")), subscription.subscription_id)
    if permits and permits.rename:
        cells += f'<td role="cell" class="action">{_rename_link(subscription)}</td>'
    return SafeString(cells)


def _tick(subscription: Subscription) -> str:
    names = {"name": escape(subscription.name or ""), "id": escape(subscription.id)}
    label = _said(gettext_noop("Select %(name)s %(id)s")) % names
    value = names["id"]
    return f'<input type="checkbox" class="tick-row" form="many" name="id" value="{value}" aria-label="{label}">\n'


def _id_and_button(label: str, id: str) -> str:  # noqa: A002
    return f'<td role="cell" data-label="{label}">{id_cell(id)}{copy_button(id)}</td>\n'


def _rename_link(subscription: Subscription) -> str:
    if not subscription.can_rename:
        why = _said(gettext_noop("Cannot be renamed here: its id is unusual"))  # makemessages sees none in an f-string
        return f'<span class="quiet">{why}</span>'
    url, word = _rename_url(subscription.id), _said(gettext_noop("Rename"))
    return (
        f'<a href="{url}" data-rename hx-get="{url}" hx-target="closest tr" hx-swap="outerHTML">'
        f'{word} <span class="unseen">{_said_name(subscription)}</span></a>'
    )


def _said_name(subscription: Subscription) -> str:
    """Which subscription is meant, where the eye sees it anyway."""
    if subscription.name and not subscription.name.isspace():
        return f"<bdi>{escape(subscription.name)}</bdi>"
    return _said(gettext_noop("unnamed subscription %(id)s")) % {"id": escape(subscription.id)}


def _said(text: str) -> str:
    """Return the translation of a text of ours, for markup."""
    return _said_in(get_language(), text)


@functools.lru_cache(100)
def _said_in(language: str | None, text: str) -> str:
    return escape(gettext(text))


@functools.lru_cache(10_000)
def _rename_url(id: str) -> str:  # noqa: A002
    return escape(reverse("subscriptions:rename", args=[id]))
