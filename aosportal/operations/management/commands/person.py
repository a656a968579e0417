"""`manage.py person export` and `manage.py person erase`: what the law lets a person ask for (docs/data.md)."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from aosportal.operations import people


class Command(BaseCommand):
    """Exports or erases what the portal holds of one person."""

    help = "Export everything that the portal holds of one person as JSON, or erase it. See docs/data.md."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ours."""
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="print everything as JSON; never a token")
        erase = actions.add_parser("erase", help="end their sessions, revoke at APS, delete everything")
        for action in (export, erase):
            action.add_argument("who", metavar="SUBJECT_OR_USERNAME")
            action.add_argument("--issuer", default="", help="then the first argument is a subject of this issuer")
        erase.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; exit code 1 if nobody, or more than one, is meant."""
        try:
            person = people.find(options["who"], options["issuer"])
        except people.NotOne as error:
            raise CommandError(str(error)) from None
        if options["action"] == "export":
            data = json.dumps(people.export(person), cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
            self.stdout.write(data)
        else:
            self._erase(person, ask=not options["yes"])

    def _erase(self, person: people.Person, *, ask: bool) -> None:
        if ask and input(f"Erase {_words(person)} for good? Type yes: ") != "yes":
            raise CommandError("Nothing was erased.")
        erased = people.erase(person)
        self.stdout.write(f"Erased. {erased.ended} sign-ins ended; {erased.rows} renames keep a pseudonym.")
        if erased.to_revoke:
            self.stdout.write(f"APS has not revoked {erased.to_revoke} tokens yet: make worker asks again for a day.")


def _words(person: people.Person) -> str:
    subjects = ", ".join(f"{subject} of {issuer}" for issuer, subject in sorted(person.subjects))
    return f"{person.user or 'a user deleted before'} ({subjects or 'no APS identity'})"
