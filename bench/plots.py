"""Draws what was measured, as SVG."""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

from bench.run import Result

mpl.rcParams["svg.hashsalt"] = "aosportal"  # the same result gives the same file


def draw(result: Result, folder: Path) -> None:
    """One file of bars for the programs, and one for each way in which cost grows."""
    bars = [("p50 20 rows 0 ms", "ms, one client"), ("pages a second at 64", "pages a second, 64 clients")]
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    for axis, (measure, label) in zip(axes, bars, strict=True):
        names = [name for name in result.measures[measure] if name != "decode"]
        middles = [result.median(measure, name) for name in names]
        spread = [
            [m - min(result.measures[measure][n]) for n, m in zip(names, middles, strict=True)],
            [max(result.measures[measure][n]) - m for n, m in zip(names, middles, strict=True)],
        ]
        axis.barh(names, middles, xerr=spread, color=["#2f6f4f" if "portal" in name else "#9aa5a0" for name in names])
        axis.set_xlabel(label)
        axis.invert_yaxis()
    _save(figure, folder / "programs.svg")
    for measure in [name for name in result.measures if name.startswith("growth: ")]:
        _line(result, measure, folder)


def _line(result: Result, measure: str, folder: Path) -> None:
    """One line for each series: names are “series @ x”."""
    figure, axis = plt.subplots(figsize=(5.4, 3.4), layout="constrained")
    series: dict[str, list[tuple[float, float]]] = {}
    for name in result.measures[measure]:
        line, _, x = name.partition(" @ ")
        series.setdefault(line, []).append((float(x), result.median(measure, name)))
    for line, points in series.items():
        axis.plot(*zip(*points, strict=True), marker="o", label=line)
    xs = [x for points in series.values() for x, _ in points]
    if max(xs) / min(xs) > 20:
        axis.set_xscale("log")
    what, _, rest = measure.removeprefix("growth: ").partition(", ")
    axis.set_xlabel(what)
    axis.set_ylabel(rest)
    axis.set_ylim(bottom=0)
    axis.legend()
    _save(figure, folder / f"{what.replace(' ', '-')}.svg")


def _save(figure: plt.Figure, file: Path) -> None:
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
