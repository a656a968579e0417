"""Files to take away: CSV that a spreadsheet opens without running anything in it, and JSON.

CSV is RFC 4180 in UTF-8, with the byte order mark without which some spreadsheets guess another encoding. A cell that a
spreadsheet could take for a formula begins with an apostrophe; `unguarded` takes it away again.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.http import StreamingHttpResponse
from django.utils import timezone

_BLOCK = 200  # lines that go out together
# What starts a formula, also in full width, and what some spreadsheets drop before they look.
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n\0]")  # noqa: RUF001 - the wide ones are meant


def guarded(cell: str) -> str:
    """Return the text as it is safe in a spreadsheet. Another text never gives the same."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """Return what `guarded` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Iterator[str]:
    """Write a table line by line, the byte order mark first. None is an empty cell."""
    writer = csv.writer(_Passing())
    yield "\ufeff" + writer.writerow(header)
    for row in rows:
        yield writer.writerow([guarded(cell or "") for cell in row])


def json_lines(objects: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Write an array, an object a line."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    before = "[\n"
    for each in objects:
        yield before + encode(each)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> StreamingHttpResponse:
    """Answer with a CSV file of that name and today's date."""
    return _file(csv_lines(header, rows), f"{name}-{timezone.now():%Y-%m-%d}.csv", "text/csv; charset=utf-8")


def json_file(name: str, objects: Iterable[Mapping[str, object]]) -> StreamingHttpResponse:
    """Answer with a JSON file of that name and today's date."""
    return _file(json_lines(objects), f"{name}-{timezone.now():%Y-%m-%d}.json", "application/json")


class _Passing:
    """Where the CSV writer writes: the line comes back as what its `writerow` returns."""

    def write(self, line: str) -> str:
        return line


def _file(lines: Iterator[str], filename: str, kind: str) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return StreamingHttpResponse(_in_blocks(lines), content_type=kind, headers=headers)


def _in_blocks(lines: Iterator[str]) -> Iterator[str]:
    """Join some lines at a time: each piece of a stream is a write to the network."""
    block: list[str] = []
    for line in lines:
        block.append(line)
        if len(block) == _BLOCK:
            yield "".join(block)
            block = []
    yield "".join(block)
