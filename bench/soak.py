"""`python -m bench.soak`: mixed use for SECONDS (600) while AOS fails now and then. Exit code 1 if something is wrong.

Memory must stay flat, nothing may leak, and no person may see an error without a cause at AOS. DATABASE_URL names a
PostgreSQL. The result goes into .run/bench: soak.json, the portal's soak.log, and soak.svg where matplotlib is.
"""

import json
import os
import re
import statistics
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tests.environment  # noqa: F401 - first: APS's stand-in reads the portal's settings

os.environ |= {"DJANGO_SETTINGS_MODULE": "aosportal.settings", "LOG_LEVEL": "WARNING"}
import django

django.setup()
from django.conf import settings

from bench.soak_people import Seen
from bench.soak_place import Place, Weather, Window
from tests.support.portal import ROOT

HERE = ROOT / ".run" / "bench"
EVERY = 5.0  # seconds between two samples
MOST_GROWTH, MOST_FILES = 1.1, 2  # times as much as a fifth of the time in; as in the beginning


def sample(place: Place, pids: dict[str, int]) -> dict[str, Any]:
    """What each process has: MB, threads, files; and the portal's connections to its database and to AOS."""
    row: dict[str, Any] = {"database": _database_connections(place), "aos": _connections_to(place.aos.port)}
    for name, pid in pids.items():
        status = Path(f"/proc/{pid}/status").read_text()
        row[f"{name}: MB"] = round(_number(status, "VmRSS") / 1024, 2)
        row[f"{name}: threads"] = _number(status, "Threads")
        row[f"{name}: files"] = len(os.listdir(f"/proc/{pid}/fd"))
    return row


def _number(status: str, field: str) -> int:
    return int(re.search(rf"^{field}:\s+(\d+)", status, re.M)[1])


def _database_connections(place: Place) -> int:
    """But for the one that asks."""
    name = place.portal.database.name
    sql = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    return int(place.portal.query(sql)[0][0])


def _connections_to(port: int) -> int:
    """How many connections of this machine lead to a port, also those that the other side has closed."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] != "06" for row in rows)  # 06: TIME_WAIT, nobody's


def soak(seconds: float) -> dict[str, Any]:
    """Run it; return what was found."""
    place = Place()
    try:
        place.prepare()
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        tell(f"{len(place.people)} people have done everything once; from now, {now}, for {seconds:.0f} s.")
        pids, began, weather, samples = place.processes(), time.monotonic(), Weather(place.aos, seconds), []
        weather.start()
        with place.alive():
            while (moment := time.monotonic() - began) <= seconds and place.processes() == pids:
                samples.append({"second": round(moment, 1), **sample(place, pids)})
                time.sleep(max(0.0, len(samples) * EVERY - (time.monotonic() - began)))
        weather.end()
        place.settle()
        found = {**answers(place.seen, weather.windows, began), **figures(samples, place), "lost renames": place.lost()}
        log = place.portal.log.read_text()
        (HERE / "soak.log").write_text(log)
        found |= {"tracebacks": log.count("Traceback"), "same processes": place.processes() == pids}
        found["first traceback"] = log[log.find("Traceback") :][:3000] if "Traceback" in log else ""
        return found | {"renewals of tokens": len(place.aps.refreshes()), "samples": samples}
    finally:
        place.stop()


def answers(seen: list[Seen], windows: list[Window], began: float) -> dict[str, Any]:
    """How many answers of which status, and those that were no success without a cause."""
    unwell = [each for each in seen if not each.is_well]
    uncaused = [each for each in unwell if not any(window.explains(each) for window in windows)]
    return {
        "requests": len(seen),
        "by status": dict(Counter(each.status for each in seen).most_common()),
        "no success": len(unwell),
        "uncaused": [(round(each.began - began, 2), each.what, each.status, each.heading) for each in uncaused],
        "faults": [
            (window.what, round(window.began - began, 1), round(window.ended - began, 1), window.margin)
            for window in windows
        ],
    }


def figures(samples: list[dict[str, Any]], place: Place) -> dict[str, Any]:
    """What the samples tell, from a fifth of the time on."""
    later = [row for row in samples if row["second"] >= samples[-1]["second"] / 5]
    names = [key.partition(":")[0] for key in samples[0] if key.endswith(": MB")]
    memory = {}
    for name in names:
        values = [row[f"{name}: MB"] for row in later]
        slope = statistics.linear_regression([row["second"] / 60 for row in later], values).slope
        memory[name] = {"MB at 20 %": values[0], "MB at the end": values[-1], "MB a minute": round(slope, 3)}
    most = int(place.portal.environment["DATABASE_CONNECTIONS"]) * len(names)
    return {
        "memory": memory,
        "database connections": {"greatest": max(row["database"] for row in samples), "allowed": most},
        "connections to AOS": {
            "greatest": max(row["aos"] for row in samples),
            "allowed": settings.AOS_CALLS * len(names),
        },
        "files": {name: [samples[0][f"{name}: files"], samples[-1][f"{name}: files"]] for name in names},
        "threads": {name: [samples[0][f"{name}: threads"], samples[-1][f"{name}: threads"]] for name in names},
    }


def wrong(found: dict[str, Any]) -> list[str]:
    """What is not as it must be."""
    checks = {
        "somebody saw an error without a cause": found["uncaused"],
        "a traceback is in the log": found["tracebacks"],
        "a process has ended": not found["same processes"],
        "what was confirmed is not what AOS has": found["lost renames"],
    }
    for name, each in found["memory"].items():
        checks[f"the memory of {name} grows"] = each["MB at the end"] > MOST_GROWTH * each["MB at 20 %"]
    for name, (before, after) in found["files"].items():
        checks[f"{name} has ever more open files"] = after > MOST_FILES * before
    for what in ("database connections", "connections to AOS"):
        checks[f"too many {what}"] = found[what]["greatest"] > found[what]["allowed"]
    return [what for what, is_so in checks.items() if is_so]


def draw(samples: list[dict[str, Any]]) -> None:
    """Memory and connections over time."""
    try:
        import matplotlib as mpl
    except ImportError:
        return
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "aosportal"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 1, figsize=(9, 5.5), sharex=True, layout="constrained")
    minutes = [row["second"] / 60 for row in samples]
    labels = [[key for key in samples[0] if key.endswith(": MB")], ["database", "aos"]]
    for axis, keys, what in zip(axes, labels, ("MB", "connections"), strict=True):
        for key in keys:
            axis.plot(minutes, [row[key] for row in samples], label=key.removesuffix(": MB"))
        axis.set_ylabel(what)
        axis.set_ylim(bottom=0)
        axis.legend(loc="lower right")
    axes[1].set_xlabel("minutes")
    figure.savefig(HERE / "soak.svg", metadata={"Date": None})
    plt.close(figure)


def tell(line: str) -> None:
    """Say it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run it, write what was found, and say what is wrong."""
    if not os.environ["DATABASE_URL"].startswith("postgres"):
        raise SystemExit("DATABASE_URL must name a PostgreSQL: the portal's database is made beside it.")
    HERE.mkdir(parents=True, exist_ok=True)
    found = soak(float(os.environ.get("SECONDS") or 600))
    found["wrong"] = wrong(found)
    (HERE / "soak.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    draw(found["samples"])
    for what, value in found.items():
        if what not in ("samples", "faults"):
            tell(f"{what}: {value}")
    tell("Written to .run/bench/.")
    raise SystemExit(1 if found["wrong"] else 0)


if __name__ == "__main__":
    main()
