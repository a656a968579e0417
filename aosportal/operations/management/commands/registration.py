"""`manage.py registration`: what to enter at APS when the portal is registered there."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from aosportal.operations import registration

_WORDS = {
    "client_id": "client id",
    "application_type": "kind of client",
    "redirect_uris": "redirect URI",
    "post_logout_redirect_uris": "post-logout redirect URI",
    "backchannel_logout_uri": "back-channel logout URI",
    "response_types": "response type",
    "grant_types": "grant types",
    "code_challenge_methods": "PKCE",
    "scope": "scopes",
    "resource": "resource",
    "token_endpoint_auth_method": "client authentication",
    "id_token_signed_response_alg": "ID token signature",
}


class Command(BaseCommand):
    """Prints the sheet. It asks nobody, and prints no secret."""

    help = "Print what to enter at APS when the portal is registered there."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the options."""
        parser.add_argument("--json", action="store_true", help="as JSON, with the names of RFC 7591")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each field."""
        sheet = registration.sheet()
        if options["json"]:
            self.stdout.write(json.dumps(sheet, indent=2))
            return
        for key, value in sheet.items():
            text = value if isinstance(value, str) else " ".join(value)
            self.stdout.write(f"{_WORDS[key]:<26}{text}")
        self.stdout.write("\nclient_credentials is for the command line alone; people sign in without it.")
