"""How cost grows: with rows, with people at once, with workers, with hosts. Each table names its next bottleneck."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import measures
from bench.place import ThePortal
from tests.support.portal import serve
from tests.support.stand_ins import free_ports

if TYPE_CHECKING:
    from bench.run import Bench, Plan, Result

ROWS, PEOPLE, WORKERS = (20, 100, 1000, 3000, 10_000), (1, 4, 16, 64, 128, 256), (1, 2, 4)
ROUNDS = 3


def measure(bench: "Bench", plan: "Plan", result: "Result") -> None:
    """All four."""
    rows(bench, result)
    people(bench, result)
    workers(bench, plan, result)
    hosts(bench, plan, result)


def rows(bench: "Bench", result: "Result") -> None:
    """One client."""
    for _ in range(ROUNDS):
        for count in ROWS:
            bench.aos.set(count, 0)
            for name, ask in bench.askers().items():
                if name in ("portal", "portal, kept", "decode", "ordinary"):
                    result.note("growth: rows, ms a page", f"{name} @ {count}", measures.latency(ask, 6))
    bench.tell("Growth with rows: done.")


def people(bench: "Bench", result: "Result") -> None:
    """So many people at once, each asking as soon as they have an answer; AOS takes 50 ms."""
    bench.aos.set(20, 0.05)
    everybody = bench.people["portal"]
    twins = [each.twin() for each in everybody * 3]
    for _ in range(ROUNDS):
        for count in PEOPLE:
            found = measures.throughput([*everybody, *twins][:count], bench.portal.page, 2, fresh=True)
            result.note("growth: people at once, pages a second", f"portal @ {count}", found["per_second"])
            result.note("wait in ms (95th percentile) by people at once", f"{count}", found["p95"])
            result.note("refused, percent, by people at once", f"{count}", found["refused"])
    bench.tell("Growth with people: done.")


@contextmanager
def _served(bench: "Bench", count: int) -> Iterator[ThePortal]:
    """The same portal with so many workers."""
    portal = bench.portal.portal
    portal.end()
    portal.start(WEB_CONCURRENCY=str(count))
    for each in bench.people["portal"]:
        each.close()
    measures.throughput(bench.people["portal"], bench.portal.page, 1, fresh=True)  # each worker has loaded its pages
    yield bench.portal


def workers(bench: "Bench", plan: "Plan", result: "Result") -> None:
    """Sixty-four people, and AOS in 50 ms and in 200 ms."""
    for count in WORKERS:
        with _served(bench, count) as portal:
            for delay in (0.05, 0.2):
                bench.aos.set(20, delay)
                for _ in range(ROUNDS):
                    found = measures.throughput(bench.people["portal"], portal.page, plan.seconds / 2, fresh=True)
                    name = f"AOS in {delay * 1000:.0f} ms @ {count}"
                    result.note("growth: workers, pages a second", name, found["per_second"])
    bench.tell("Growth with workers: done.")


def hosts(bench: "Bench", plan: "Plan", result: "Result") -> None:
    """One host with one worker, then two on the same PostgreSQL; on this machine they share the processors."""
    with _served(bench, 1) as portal:
        (port,) = free_ports(1)
        second = serve({**portal.portal.environment, "PORT": str(port)}, portal.portal.log)
        everybody = bench.people["portal"]
        half = [each.twin(port) if number % 2 else each for number, each in enumerate(everybody)]
        for delay in (0.05, 0.2):
            bench.aos.set(20, delay)
            for _ in range(ROUNDS):
                for count, browsers in ((1, everybody), (2, half)):
                    found = measures.throughput(browsers, portal.page, plan.seconds / 2, fresh=True)
                    name = f"AOS in {delay * 1000:.0f} ms @ {count}"
                    result.note("growth: hosts, pages a second", name, found["per_second"])
        second.terminate()
        second.wait()
    bench.tell("Growth with hosts: done.")
