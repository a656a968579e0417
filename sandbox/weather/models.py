"""The weather of both stand-ins, and their latest calls. In the database, because two processes read it."""

from django.db import models

KEPT_CALLS = 200


class Weather(models.Model):
    """The one row that says how the stand-ins behave."""

    aos = models.CharField(max_length=40, default="fine")
    hits = models.CharField(max_length=40, default="everything")
    aps = models.CharField(max_length=40, default="fine")
    slow_seconds = models.FloatField(default=15)
    retry_after = models.PositiveIntegerField(default=5)

    def __str__(self):
        return f"AOS {self.aos}, APS {self.aps}"

    @classmethod
    def current(cls):
        """The weather now."""
        return cls.objects.get_or_create(pk=1)[0]


class Call(models.Model):
    """One call to a stand-in; no secret in it beyond a token's last four characters."""

    at = models.DateTimeField(auto_now_add=True)
    stand_in = models.CharField(max_length=3)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    note = models.CharField(max_length=60, blank=True)
    person = models.CharField(max_length=200, blank=True)
    token = models.CharField(max_length=10, blank=True)
    status = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self):
        return f"{self.method} {self.path}"

    @classmethod
    def latest(cls, count=60):
        """The newest calls, newest first."""
        return list(cls.objects.all()[:count])

    @classmethod
    def record(cls, **fields):
        """Keep one more call, and no more than the newest 200."""
        call = cls.objects.create(**fields)
        cls.objects.filter(pk__lte=call.pk - KEPT_CALLS).delete()

    def as_json(self):
        """The call as the machine interface shows it; `status` is null where no answer was given."""
        return {
            "time": self.at.isoformat(timespec="milliseconds"),
            "stand_in": self.stand_in,
            "method": self.method,
            "path": self.path,
            "note": self.note,
            "person": self.person,
            "token": self.token,
            "status": self.status,
        }
