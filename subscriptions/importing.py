"""Reads the CSV that people bring back from a spreadsheet: whose id gets which name."""

import csv
import io
from collections.abc import Sequence

from django.utils.translation import gettext as _

from .exporting import unguarded
from .planning import MOST_ROWS, Proposal

MOST_BYTES = 2_000_000
_IDS, _NAMES, _OLD_NAMES = {"id"}, ("newname", "newdisplayname", "name", "displayname"), ("oldname", "displayname")
_SEPARATORS = ",;\t"
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


class NotUsable(Exception):
    """It cannot be read as a table of ids and names. The text says why, for the person."""


def decode(content: bytes) -> str:
    """Return the text of a file: UTF-8, or UTF-16 that says so; else what Windows writes in western countries."""
    encoding = "utf-16" if content.startswith(_BYTE_ORDER_MARKS) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def read(text: str) -> list[Proposal]:
    """Read a table with a column `id` and a column `newName`; with `displayName` too, that is the name as exported.

    With one column of names alone, it holds the new ones; without a header, the first column is the id and the second
    the new name. Commas, semicolons or tabs. Raises NotUsable.
    """
    text = text.removeprefix("\ufeff")
    lines = _lines(text, _separator(text))
    columns, rows = _columns(lines)
    wishes = [_proposal(row, *columns) for row in rows]
    if not wishes:
        raise NotUsable(_("There is no row with an id and a name in it."))
    return wishes


def _separator(text: str) -> str:
    """The separator that divides the first line into most cells."""
    first = next((line for line in text.splitlines() if line.strip()), "")[:1000]
    return max(_SEPARATORS, key=lambda each: len(next(csv.reader([first], delimiter=each), [])))


def _lines(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        lines = [cells for cells in reader if any(map(str.strip, cells))]
    except csv.Error:
        text = _("Line %(number)s cannot be read as CSV: perhaps a quotation mark is missing.")
        raise NotUsable(text % {"number": reader.line_num}) from None
    if len(lines) > MOST_ROWS + 1:
        raise NotUsable(_("It has more than %(most)s rows. Bring it in parts.") % {"most": MOST_ROWS})
    return lines


def _columns(lines: Sequence[list[str]]) -> tuple[tuple[int, int, int | None], Sequence[list[str]]]:
    """Find the columns of id, new name and old name, by the header if there is one; and the rows after it."""
    header = ["".join(filter(str.isalnum, cell)).casefold() for cell in lines[0]] if lines else []
    if not _IDS & set(header):
        return (0, 1, None), lines
    name = next((header.index(each) for each in _NAMES if each in header), None)
    if name is None:
        raise NotUsable(_("The first line names no column for the new names. Call it newName."))
    old = next((header.index(each) for each in _OLD_NAMES if each in header and header.index(each) != name), None)
    return (header.index("id"), name, old), lines[1:]


def _proposal(cells: list[str], at: int, name: int, old: int | None) -> Proposal:
    expected = None if old is None else _cell(cells, old)
    return Proposal(_cell(cells, at).strip(), _cell(cells, name), expected)


def _cell(cells: list[str], at: int) -> str:
    return unguarded(cells[at]) if at < len(cells) else ""
