"""`manage.py housekeeping`: deletes what is no longer needed. `make worker` does the same once a day."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from aosportal.operations import housekeeping


class Command(BaseCommand):
    """May run at any time, as often as one likes, while people work."""

    help = "Delete what is no longer needed: see docs/data.md. make worker does it once a day by itself."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ours."""
        parser.add_argument("--dry-run", action="store_true", help="only tell how many rows there are of what")
        parser.add_argument(
            "--ledger-dir",
            default=settings.LEDGER_EXPORT_DIR,
            metavar="FOLDER",
            help="export old renames there, and delete them (default: LEDGER_EXPORT_DIR; without it they stay)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each kind of rows; exit code 1 if the ledger cannot be exported."""
        folder = options["ledger_dir"]
        try:
            counts = housekeeping.count(folder).items() if options["dry_run"] else housekeeping.run(folder)
            for name, rows in counts:
                self.stdout.write(f"{rows:>8} {name}")
        except OSError as error:
            raise CommandError(f"The ledger stays as it is: its folder cannot be written to ({error}).") from None
        self.stdout.write("Nothing was deleted." if options["dry_run"] else "Deleted.")
