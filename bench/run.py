"""Runs the benchmark: every program in turn, round after round, each second round the other way round."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench import measures
from bench.browser import Browser
from bench.place import Mozilla, Place, Program, ThePortal

CLIENTS, WAITING = 64, 40
Values = dict[str, list[float]]


@dataclass
class Plan:
    """How much is done. `cells` are rows and the delay of AOS in seconds; `renames` how many one batch has."""

    rounds: int = 5
    cells: tuple[tuple[int, float], ...] = ((20, 0), (1000, 0), (10_000, 0), (20, 0.05), (20, 0.2))
    seconds: float = 4
    renames: int = 500
    growth: bool = True


QUICK = Plan(rounds=2, cells=((20, 0), (10_000, 0)), seconds=1, renames=30, growth=False)


@dataclass
class Result:
    """Each measure by name: what each program had in each round."""

    measures: dict[str, Values] = field(default_factory=dict)

    def note(self, measure: str, program: str, value: float) -> None:
        """One program's value of this round."""
        self.measures.setdefault(measure, {}).setdefault(program, []).append(round(value, 3))

    def ratio(self, measure: str, program: str, other: str) -> tuple[float, float, float]:
        """How one compares with the other: the median of the rounds' ratios, the least and the greatest."""
        values = self.measures[measure]
        ratios = [mine / theirs for mine, theirs in zip(values[program], values[other], strict=True)]
        return statistics.median(ratios), min(ratios), max(ratios)

    def median(self, measure: str, program: str) -> float:
        """The middle round's value."""
        return statistics.median(self.measures[measure][program])


class Bench:
    """The programs, with one person signed in at each, and sixty-four where many ask at once."""

    def __init__(self, place: Place, tell: Callable[[str], None]) -> None:
        self.place, self.aos, self.tell = place, place.aos, tell
        self.floor = place.start(Program, "bench.floor")
        others = {"ordinary": (Program, "bench.ordinary"), "mozilla-django-oidc": (Mozilla, "bench.mozilla")}
        others["identity"] = (Program, "bench.identity_peer")
        self.programs = {name: place.start(make, module) for name, (make, module) in others.items()}
        self.portal: ThePortal = place.start(ThePortal)
        self.programs["portal"] = self.portal
        self.people = {name: place.people(program, CLIENTS) for name, program in self.programs.items()}
        self.tell(f"{CLIENTS} people are signed in at each of {', '.join(self.programs)}.")

    def askers(self) -> dict[str, Callable[[], object]]:
        """For each program, how one person asks for the list. "kept": the portal's own copy, up to a minute old."""
        floor = Browser(self.floor.port)
        ask = {"floor": measures.whole(floor, "/"), "plain floor": measures.whole(floor, "/plain/")}
        ask["decode"] = measures.whole(floor, "/decode/")
        for name, program in self.programs.items():
            ask[name] = measures.whole(self.people[name][0], program.page, fresh=True)
        ask["portal, kept"] = measures.whole(self.people["portal"][0], self.portal.page)
        return ask

    def latencies(self, plan: Plan, result: Result) -> None:
        """One client, for each size of list and each delay."""
        for rows, delay in plan.cells:
            self.aos.set(rows, delay)
            ask, count = self.askers(), {20: 60, 1000: 15}.get(rows, 6) if not delay else 5
            for turn in range(plan.rounds):
                for name in _in_turn(ask, turn):
                    result.note(f"p50 {rows} rows {delay * 1000:.0f} ms", name, measures.latency(ask[name], count))
            self.tell(f"One client, {rows} rows, AOS answers after {delay * 1000:.0f} ms: done.")

    def throughputs(self, plan: Plan, result: Result) -> None:
        """Sixty-four clients while AOS takes 200 ms. The ideal has no cost of its own."""
        self.aos.set(20, 0.2)
        for turn in range(plan.rounds):
            for name in _in_turn(self.programs, turn):
                page, people = self.programs[name].page, self.people[name]
                found = measures.throughput(people, page, plan.seconds, fresh=True)
                result.note("pages a second at 64", name, found["per_second"])
                result.note("p95 at 64", name, found["p95"])
                result.note("refused at 64, percent", name, found["refused"])
            kept = measures.throughput(self.people["portal"], self.portal.page, plan.seconds)
            result.note("pages a second at 64", "portal, kept", kept["per_second"])
            result.note("pages a second at 64", "ideal", CLIENTS / 0.2)
        self.tell("Sixty-four clients, AOS answers after 200 ms: done.")

    def refreshes(self, plan: Plan, result: Result) -> None:
        """What a renewal of the token costs on top of the pages, for one request and for forty; APS takes a second."""
        self.aos.set(1, 0)
        person, self.place.aps_seconds = self.people["portal"][0], 1.0
        for _ in range(plan.rounds):
            for waiting, name in ((1, "one"), (WAITING, "forty")):
                plain = measures.at_once(person, self.portal.page, waiting)
                took, asked = measures.refresh(self.place, self.portal, person, waiting)
                result.note("cost of a refresh", name, took - plain)
                result.note("calls to APS", name, asked)
        self.place.aps_seconds = 0
        self.tell("Renewals: done.")

    def batches(self, plan: Plan, result: Result) -> None:
        """Renaming many at 200 ms each. One after another is done once, since it takes so long."""
        person = self.people["portal"][1]
        for turn, calls in enumerate([1, *[8] * plan.rounds]):
            self.aos.set(plan.renames, 0.2)
            took = measures.batch(self.portal, person, calls, f"{turn} ")
            name = "one after another" if calls == 1 else "eight at once"
            result.note("seconds for the renames", name, took)
        once = result.measures["seconds for the renames"]["one after another"]
        once.extend(once * (plan.rounds - 1))
        self.tell(f"{plan.renames} renames: done.")

    def memories(self, plan: Plan, result: Result) -> None:
        """A worker's memory after eight people have looked at ten thousand rows each."""
        self.aos.set(10_000, 0)
        for name in self.programs:
            eight = self.people[name][:8]
            result.note("MB of a worker", name, measures.memory(self.programs[name], eight, plan.seconds))
        self.tell("Memory: done.")

    def queries(self, result: Result) -> None:
        """Database statements of one page."""
        self.aos.set(20, 0)
        ask = self.askers()
        asked = {name: (program, ask[name]) for name, program in self.programs.items()}
        for name, value in measures.statements(asked).items():
            result.note("statements a page", name, value)
        kept = {"portal, kept": (self.portal, ask["portal, kept"])}
        result.note("statements a page", "portal, kept", measures.statements(kept)["portal, kept"])
        self.tell("Statements: done.")


def _in_turn(names: dict[str, object], turn: int) -> list[str]:
    return list(names)[:: -1 if turn % 2 else 1]


def everything(plan: Plan, tell: Callable[[str], None]) -> Result:
    """Measure all of it."""
    from bench import growth

    result, began = Result(), time.monotonic()
    with Place() as place:
        bench = Bench(place, tell)
        for part in (bench.latencies, bench.throughputs, bench.refreshes, bench.batches, bench.memories):
            part(plan, result)
        bench.queries(result)
        if plan.growth:
            growth.measure(bench, plan, result)
    tell(f"It took {time.monotonic() - began:.0f} s.")
    return result
