"""Runs one of the two stand-ins in the foreground."""

import errno

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sandbox.server import Server


class Command(BaseCommand):
    """Serves the stand-in APS or AOS on 127.0.0.1 until SIGINT or SIGTERM."""

    help = "Run the stand-in APS or AOS in the foreground."
    requires_system_checks = ()

    def add_arguments(self, parser):
        """Which of the two."""
        parser.add_argument("role", choices=["aps", "aos"])

    def handle(self, *args, role, **options):
        """Serve; `prepare` must have run before."""
        if not settings.SIGNING_KEY_FILE.exists():
            raise CommandError("Not prepared yet. First run: python sandbox/manage.py prepare")
        settings.ROOT_URLCONF = f"sandbox.{role}_urls"
        server = self._server(role, getattr(settings, f"{role.upper()}_PORT"))
        address = getattr(settings, f"{role.upper()}_URL")
        self.stdout.write(f"{role.upper()} at {address} · {settings.NOTICE}")
        self.stdout.flush()
        server.serve_until_told()

    def _server(self, role, port):
        try:
            return Server(role, port)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
            raise CommandError(
                f"Port {port} is taken. Stop what listens there, or set SANDBOX_{role.upper()}_PORT to a free port."
            ) from None
