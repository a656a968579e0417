"""Renames as a worker leaves them that was killed after the intent, and what became of them."""

import uuid
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from subscriptions import ledger
from subscriptions.ledger import Wish
from subscriptions.models import OpenRename, Rename


def intended(grant, wanted="New", *, id="s-1", seen="Old name", seconds_ago=10.0):
    """A rename that nobody knows the outcome of. Its first look is due five seconds after it was made."""
    row = ledger.open_rename(grant, Wish(id, wanted, uuid.uuid4()), seen)
    make_older(row, seconds_ago)
    return row


def make_older(row, seconds):
    """So much time goes by for this rename."""
    row.created -= timedelta(seconds=seconds)
    QuerySet(Rename).filter(pk=row.pk).update(created=row.created)
    for opened in OpenRename.objects.filter(rename=row):
        OpenRename.objects.filter(rename=row).update(next_look=opened.next_look - timedelta(seconds=seconds))


def states(row):
    """What the ledger says about it, in order."""
    return [event.state for event in row.events.order_by("number")]


def wait(row):
    """Seconds until it is looked at next."""
    return (OpenRename.objects.get(rename=row).next_look - timezone.now()).total_seconds()
