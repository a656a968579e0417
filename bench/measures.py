"""What is measured, each as a function that gives one number; `run.py` asks for them again and again, interleaved."""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import psycopg

from bench.browser import Browser, form_token
from bench.place import Place, Program, ThePortal, busy, resident
from tests.support.portal import ROOT

AnyProgram = Program | ThePortal


def latency(ask: Callable[[], object], count: int) -> float:
    """The median time of one question after another, in milliseconds; the first two do not count."""
    seconds = []
    for _ in range(count + 2):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[2:]) * 1000


def whole(browser: Browser, path: str, *, fresh: bool = False) -> Callable[[], object]:
    """Ask for a page, which must come with status 200."""

    def ask() -> None:
        answer = browser.get(path, fresh=fresh)
        assert answer.status == 200, answer.status

    return ask


def throughput(browsers: list[Browser], path: str, seconds: float, *, fresh: bool = False) -> dict[str, float]:
    """Whole pages a second that all browsers get together, and the 95th percentile of the wait in milliseconds.

    `refused` is the share of answers that said "try again" instead, in percent.
    """
    refused: list[float] = []

    def ask(browser: Browser) -> None:
        if browser.get(path, fresh=fresh).status != 200:
            refused.append(time.perf_counter())

    with busy(browsers, ask) as waits:
        while len(waits) < len(browsers):  # until each has had an answer
            time.sleep(0.1)
        before, began = len(waits), time.perf_counter()
        time.sleep(seconds)
        during, took = waits[before:], time.perf_counter() - began
    late = sum(began < moment < began + took for moment in refused)
    p95 = statistics.quantiles(during, n=20)[-1] * 1000
    return {"per_second": (len(during) - late) / took, "p95": p95, "refused": 100 * late / len(during)}


def statements(asked: dict[str, tuple[AnyProgram, Callable[[], object]]], count: int = 20) -> dict[str, float]:
    """Transactions in its database for one page of each program: where it opens none itself, that is its queries."""
    before = _committed(asked)
    for _program, ask in asked.values():
        for _ in range(count):
            ask()
    after = _committed(asked)
    return {name: (after[name] - before[name]) / count for name in asked}


def _committed(asked: dict[str, tuple[AnyProgram, Callable[[], object]]]) -> dict[str, int]:
    time.sleep(12)  # a session that rests writes its counters after ten seconds
    sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s"
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        return {
            name: connection.execute(sql, [program.database.name]).fetchone()[0]
            for name, (program, _ask) in asked.items()
        }


def memory(program: AnyProgram, browsers: list[Browser], seconds: float) -> float:
    """The resident memory of the largest worker, in MB, after all browsers have asked for so long."""
    throughput(browsers, program.page, seconds, fresh=True)
    return resident(program)


def refresh(place: Place, portal: ThePortal, browser: Browser, waiting: int) -> tuple[float, int]:
    """Milliseconds for so many requests of one person at once that need a new token, and how often APS was asked."""
    portal.portal.execute("UPDATE passport_grant SET expires_at = '2026-01-01 00:00:00+00:00'")
    place.aps.calls.clear()
    took = at_once(browser, portal.page, waiting)
    return took, len(place.aps.refreshes())


def at_once(browser: Browser, path: str, count: int) -> float:
    """Milliseconds until so many requests that begin at one moment are all answered."""
    twins = [browser.twin() for _ in range(count)]
    for each in twins:
        each.connect()
    gate, statuses = threading.Barrier(count + 1), []

    def work(each: Browser) -> None:
        gate.wait()
        statuses.append(each.get(path, fresh=True).status)

    threads = [threading.Thread(target=work, args=[each]) for each in twins]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took = (time.perf_counter() - began) * 1000
    assert set(statuses) == {200}, statuses
    for each in twins:
        each.close()
    return took


def batch(portal: ThePortal, browser: Browser, calls: int, front: str) -> float:
    """Seconds from the first intent to the last outcome when `make worker` renames all that the person has.

    So many calls are under way at once.
    """
    path = _confirmed_batch(browser, front)
    environment = {**portal.portal.environment, "BATCH_CALLS": str(calls)}
    command = [sys.executable, "manage.py", "worker"]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while portal.portal.query("SELECT count(*) FROM subscriptions_batch WHERE state <> 'done'") != [(0,)]:
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait()
    events = (
        "SELECT min(e.at), max(e.at), count(DISTINCT r.id) FROM subscriptions_renameevent e"
        f" JOIN subscriptions_rename r ON r.id = e.rename_id WHERE r.batch_id = '{path.split('/')[-2]}'"
    )
    ((first, last, _count),) = portal.portal.query(events)
    return float((last - first).total_seconds())


def _confirmed_batch(browser: Browser, front: str) -> str:
    """Put a text before all names, as a person does on the pages; return the batch's address."""
    start = "/subscriptions/rename-many/"
    form = {"csrfmiddlewaretoken": form_token(browser.get(start, gzip=False))}
    path = browser.post(start, {**form, "plan": "edit", "all": "1", "front": front}).header("Location")
    token = form_token(browser.get(path, gzip=False))
    assert browser.post(path, {"csrfmiddlewaretoken": token, "do": "confirm"}).status == 302
    return path
