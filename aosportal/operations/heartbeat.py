"""Whether `manage.py worker` runs, anywhere: each worker process keeps a row that says when it was last alive."""

import os
import socket
from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from .models import Heartbeat

ALIVE = timedelta(minutes=5)  # longer than any of a worker's jobs takes
_FORGET = timedelta(days=1)


class Heart:
    """The heart of this worker process."""

    def __init__(self) -> None:
        self._me = Heartbeat(host=socket.gethostname()[:255], process=os.getpid())

    def beat(self) -> None:
        """Say that this worker is alive; forget those that died long ago."""
        mine = Heartbeat.objects.filter(pk=self._me.pk)
        if not mine.update(at=Now()):
            self._me.at = Now()
            self._me.save(force_insert=True)
        Heartbeat.objects.filter(at__lt=_ago(_FORGET)).delete()

    def stop(self) -> None:
        """Say that it has ended."""
        Heartbeat.objects.filter(pk=self._me.pk).delete()


def alive() -> QuerySet[Heartbeat]:
    """The workers that were alive a short while ago, the latest sign of life first."""
    return Heartbeat.objects.filter(at__gt=_ago(ALIVE)).order_by("-at")


def _ago(time: timedelta) -> Combinable:
    return ExpressionWrapper(Now() - time, output_field=DateTimeField())
