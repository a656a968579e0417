"""Writes what was measured: JSON, plots, the table of goals; and compares with the result that was kept last."""

import json
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.run import Result

ROOT = Path(__file__).parents[1]
HERE = ROOT / ".run" / "bench"
KEPT = ROOT / "docs" / "bench"
PAGE = ROOT / "docs" / "performance.md"
# What, in which measure, which program against which, the goal, and whether less is better.
GOALS = (
    ("List page, one client, 20 rows, against the bare view", "p50 20 rows 0 ms", "portal", "floor", 2.0),
    ("The same, served from the kept list", "p50 20 rows 0 ms", "portal, kept", "floor", 2.0),
    (
        "Pages a second at 64 clients, AOS in 200 ms, against the ideal",
        "pages a second at 64",
        "portal",
        "ideal",
        -0.85,
    ),
    ("The same, served from the kept list", "pages a second at 64", "portal, kept", "ideal", -0.85),
    ("Pages a second at 64 clients, against the ordinary program", "pages a second at 64", "portal", "ordinary", -5.0),
    ("The same, served from the kept list", "pages a second at 64", "portal, kept", "ordinary", -5.0),
    ("10,000 subscriptions, against fetching and decoding alone", "p50 10000 rows 0 ms", "portal", "decode", 1.5),
    ("The same, served from the kept list", "p50 10000 rows 0 ms", "portal, kept", "decode", 1.5),
    ("Cost of a refresh shared by 40 requests, against one", "cost of a refresh", "forty", "one", 1.3),
    (
        "Renames, eight at once, against one after another",
        "seconds for the renames",
        "one after another",
        "eight at once",
        -7.0,
    ),
)
MEMORY_GOAL = 110  # MB


def goals(result: Result) -> list[tuple[str, str, str, str]]:
    """Each goal as text: what, what was measured with its range, the goal, whether it is met."""
    rows = []
    for what, measure, mine, other, goal in GOALS:
        middle, least, greatest = result.ratio(measure, mine, other)
        met = middle >= -goal if goal < 0 else middle <= goal
        wished = f"≥ {-goal} ×" if goal < 0 else f"≤ {goal} ×"
        rows.append((what, f"{middle:.2f} × ({least:.2f}–{greatest:.2f})", wished, _yes(met)))
    memory = result.median("MB of a worker", "portal")
    rows.insert(
        6, ("Memory of a worker after that, 8 clients", f"{memory:.0f} MB", "≤ 110 MB", _yes(memory <= MEMORY_GOAL))
    )
    return rows


def _yes(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


def table(rows: list[tuple[str, ...]], *head: str) -> str:
    """Lay rows out in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def medians(result: Result) -> str:
    """Every measure's medians, with least and greatest, as a table for each measure."""
    parts = []
    for measure, values in result.measures.items():
        rows = [
            (name, f"{result.median(measure, name):.4g}", f"{min(each):.4g}–{max(each):.4g}")
            for name, each in values.items()
        ]
        parts.append(f"**{measure}**\n\n{table(rows, '', 'median', 'range')}")
    return "\n\n".join(parts)


def compared(result: Result, kept: Path) -> list[str]:
    """Goals' ratios that differ by more than a tenth from the kept result's."""
    if not kept.exists():
        return ["There is no kept result to compare with."]
    before = Result(json.loads(kept.read_text())["measures"])
    lines = []
    for what, measure, mine, other, _goal in GOALS:
        if measure not in before.measures:
            continue
        now, then = result.ratio(measure, mine, other)[0], before.ratio(measure, mine, other)[0]
        if abs(now - then) > then / 10:
            lines.append(f"{what}: {then:.2f} before, {now:.2f} now.")
    return lines or ["No ratio differs by more than a tenth from the kept result."]


def write(result: Result, *, keep: bool, tell: Callable[[str], None]) -> None:
    """Write everything into .run/bench, or, to keep it, into docs; and tell the goals."""
    from bench import plots

    folder = KEPT if keep else HERE
    folder.mkdir(parents=True, exist_ok=True)
    tell("\n" + table(goals(result), "what", "measured", "goal", "met") + "\n")
    for line in compared(result, KEPT / "result.json"):
        tell(line)
    (folder / "result.json").write_text(
        json.dumps({"machine": _machine(), "measures": result.measures}, indent=1) + "\n"
    )
    if keep:
        _into_page("goals", table(goals(result), "what", "measured", "goal", "met"))
        _into_page("figures", medians(result))
    plots.draw(result, folder)
    tell(f"Written to {folder.relative_to(ROOT)}/.")


def _into_page(name: str, text: str) -> None:
    """Replace what stands between two marks of docs/performance.md."""
    begins, ends = f"<!-- {name}, by make bench -->", f"<!-- end of {name} -->"
    before, _, rest = PAGE.read_text().partition(begins)
    PAGE.write_text(f"{before}{begins}\n\n{text}\n\n{ends}{rest.partition(ends)[2]}")


def _machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "when": datetime.now(UTC).date().isoformat(),
    }
