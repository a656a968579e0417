"""The demo people, and which browser session each token comes from."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Person(AbstractBaseUser):
    """Somebody who can sign in. The id is their `sub`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    username = models.CharField(max_length=100, unique=True)
    given_name = models.CharField(max_length=100)
    family_name = models.CharField(max_length=100)
    email = models.EmailField()
    about = models.CharField(max_length=200)
    may_see_subscriptions = models.BooleanField(default=True)

    objects = BaseUserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ()

    def __str__(self):
        return self.name

    @property
    def name(self):
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"

    @property
    def initials(self):
        """Two letters for the badge on the sign-in page."""
        return self.given_name[:1] + self.family_name[:1]


class SignIn(models.Model):
    """One browser session of one person at APS; the id is the ID token's `sid`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.person} at {self.at}"


class Origin(models.Model):
    """The browser session behind an authorization code, or behind a family of refresh tokens."""

    key = models.CharField(max_length=100, unique=True)
    sign_in = models.ForeignKey(SignIn, on_delete=models.CASCADE)

    def __str__(self):
        return f"Origin #{self.pk}"
