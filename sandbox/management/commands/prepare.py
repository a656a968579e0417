"""Makes all that the stand-ins need; may run any number of times."""

import os

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.management.utils import get_random_secret_key
from django.db import transaction

from sandbox.passport import client, people
from sandbox.subscriptions import seeds
from sandbox.weather.models import Weather


class Command(BaseCommand):
    """Directory, keys, database, demo people with their subscriptions, and the portal's registration."""

    help = "Make the stand-ins ready: keys, database, demo people, the portal's registration."
    requires_system_checks = ()

    def handle(self, *args, **options):
        """Do what is not done yet; the client's secret is stored hashed and never printed."""
        for name in ("CLIENT_ID", "CLIENT_SECRET"):
            if not getattr(settings, name):
                raise CommandError(
                    f"SANDBOX_{name} is not set: it is what the portal signs in to the stand-in APS with."
                )
        settings.DIRECTORY.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_once(settings.SECRET_KEY_FILE, get_random_secret_key)
        write_once(settings.SIGNING_KEY_FILE, new_signing_key)
        call_command("migrate", verbosity=0, interactive=False)
        fill()
        self.stdout.write(f"Stand-ins ready in {settings.DIRECTORY}. {settings.NOTICE}")


@transaction.atomic
def fill():
    """Demo people, their subscriptions where they have none, the weather, the registered client."""
    people.seed()
    seeds.seed()
    Weather.current()
    client.register()


def write_once(path, make):
    """Create the file with what `make` returns, readable by its owner alone, unless it is there."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(make())


def new_signing_key():
    """A fresh RSA key as PEM text."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
