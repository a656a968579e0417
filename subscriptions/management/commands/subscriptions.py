"""`manage.py subscriptions list|rename|rename-many`: under the portal's own identity. See docs/command-line.md."""

import json
import os
import sys
import uuid
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from aosportal import request_id
from aosportal.operations.quiet import logging_off
from subscriptions import command_words as words
from subscriptions import foreground, importing, listing, planning, renaming
from subscriptions.aos import AOS, NO_TOKEN, AOSError, Subscription
from subscriptions.foreground import Ending
from subscriptions.ledger import Wish
from subscriptions.names import fingerprint
from subscriptions.planning import PlannedRow, Proposal

NOT_DONE, USAGE, UNKNOWN = 1, 2, 3


class Command(BaseCommand):
    """Lists and renames by the client credentials grant. Exit codes: 0 all done, 1 not, 2 usage, 3 not known yet."""

    help = "List and rename subscriptions as the portal itself (client credentials)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the three actions."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="list | rename | rename-many")
        lister = actions.add_parser("list", help="print what AOS lists to the portal itself")
        lister.add_argument("--json", action="store_true", help="as JSON, with the fields as AOS names them")
        lister.add_argument("--state", default="", metavar="WORD", help="only those in this state, such as Enabled")
        one = actions.add_parser("rename", help="give one subscription another name")
        one.add_argument("id", help="its id, as list prints it")
        one.add_argument("name", help="the new name")
        one.add_argument("--expect", metavar="NAME", help="only if it is called this now")
        many = actions.add_parser("rename-many", help="give many subscriptions other names")
        many.add_argument("--from-csv", required=True, metavar="FILE", help="columns id and newName; - reads stdin")
        many.add_argument("--dry-run", action="store_true", help="only print what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. What may go wrong is one line on stderr, and an exit code."""
        act = {"list": self._list, "rename": self._rename, "rename-many": self._rename_many}[options["action"]]
        self._counts: Counter[str] = Counter()
        request_id.fresh()
        try:
            with logging_off(options["verbosity"]):
                act(**options)
        except (AOSError, *NO_TOKEN) as error:
            raise CommandError(words.trouble(error), returncode=NOT_DONE) from None
        except DatabaseError as error:
            text = f"The database failed ({type(error).__name__}). What was sent is settled by the worker."
            raise CommandError(text, returncode=UNKNOWN if options["action"] != "list" else NOT_DONE) from None
        except BrokenPipeError:  # `… | head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(0 if options["action"] == "list" else NOT_DONE) from None
        except KeyboardInterrupt:
            text = "Stopped. What was sent is in the ledger; the rest was not begun. The same command goes on."
            raise CommandError(text, returncode=NOT_DONE) from None

    def _list(self, *, state: str, **options: Any) -> None:
        found = listing.select(AOS(None).subscriptions()).matching
        wanted = listing.fold(state)
        found = [each for each in found if wanted in ("", listing.fold(each.state or listing.NO_STATE))]
        if options["json"]:
            self.stdout.write(json.dumps([_fields(each) for each in found], indent=2, ensure_ascii=False))
            return
        for line in words.table(found):
            self.stdout.write(line)

    def _rename(self, **options: Any) -> None:
        api = AOS(None)
        row = planning.check([Proposal(options["id"], options["name"], options["expect"])], api.subscriptions())[0]
        if row.problem:
            found = Ending("unchanged" if row.problem == "unchanged" else "not-done", words.PROBLEMS[row.problem])
        else:
            wish = Wish(row.id, row.wanted, uuid.uuid4())
            found = foreground.ending(renaming.rename(api, wish, fingerprint(row.seen)), row.wanted)
        self._tell(row, found)
        self._end()

    def _rename_many(self, **options: Any) -> None:
        wishes = _read(options["from_csv"])
        rows = planning.check(wishes, AOS(None).subscriptions())
        if options["dry_run"]:
            self._show(rows)
        else:
            self._send(rows)
        self._end()

    def _show(self, rows: Sequence[PlannedRow]) -> None:
        """Print the plan. It counts as not done where a row has a problem."""
        for row in rows:
            self.stdout.write(words.plan(row))
            self._counts["unchanged" if row.problem == "unchanged" else "not-done" if row.problem else "would"] += 1

    def _send(self, rows: Sequence[PlannedRow]) -> None:
        fit = [row for row in rows if not row.problem]
        for row in rows:
            if row.problem:
                word = "unchanged" if row.problem == "unchanged" else "not-done"
                self._tell(row, Ending(word, words.PROBLEMS[row.problem]))
        with tqdm(total=len(fit), unit="name", file=sys.stderr, disable=None, leave=False) as bar:

            def tell(row: PlannedRow, found: Ending) -> None:
                with tqdm.external_write_mode():
                    self._tell(row, found)
                bar.update()

            try:
                foreground.rename_many(fit, tell)
            except foreground.Stopped as stop:
                self._counts["not-done"] += len(fit) - bar.n
                self.stderr.write(words.trouble(stop.error))

    def _tell(self, row: PlannedRow, found: Ending) -> None:
        """A line for what has become of a row, on stderr what went wrong; none where nothing had to be done."""
        self._counts[found.word] += 1
        why = f": {words.printable(found.why)}" if found.why else ""
        if found.word == "done":
            names = f"“{words.printable(row.seen)}” → “{words.printable(row.wanted)}”"
            self.stdout.write(f"renamed    {row.id}  {names}{why}")
        elif found.word != "unchanged":
            self.stderr.write(f"{found.word:<9}  {words.printable(row.id)}{why}")

    def _end(self) -> None:
        """The sum, and the exit code: what is not known yet counts more than what was not done."""
        said = {"would": "would be renamed", "done": "renamed", "unchanged": "already so"}
        said |= {"not-done": "not done", "unknown": "not known yet: the worker finds out"}
        told = [f"{self._counts[word]} {text}" for word, text in said.items() if self._counts[word]]
        self.stdout.write(", ".join(told or ["nothing to do"]) + ".")
        if self._counts["unknown"] or self._counts["not-done"]:
            raise SystemExit(UNKNOWN if self._counts["unknown"] else NOT_DONE)


def _fields(each: Subscription) -> dict[str, str | None]:
    return {"id": each.id, "subscriptionId": each.subscription_id, "displayName": each.name, "state": each.state}


def _read(name: str) -> list[Proposal]:
    """Read the file. Raises CommandError for one that cannot be used."""
    try:
        content = sys.stdin.buffer.read(importing.MOST_BYTES + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.", returncode=USAGE) from None
    if len(content) > importing.MOST_BYTES:
        raise CommandError(f"{name} is larger than 2 MB. Bring it in parts.", returncode=USAGE)
    try:
        return importing.read(importing.decode(content))
    except importing.NotUsable as error:
        raise CommandError(f"{name}: {error}", returncode=USAGE) from None
