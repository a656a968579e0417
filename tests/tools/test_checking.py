"""`make test`: what it finds, what it leaves out, and how it ends."""

import pytest

from tools import checking, results
from tools.basics import Trouble

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="plain"/>
<testcase classname="tests.a" name="other"><failure/></testcase>
<testcase classname="tests.a" name="both"><skipped type="pytest.skip" message="…"/></testcase>
<testcase classname="tests.a" name="known"><skipped type="pytest.xfail" message="…"/></testcase>
{more}
</testsuite></testsuites>"""
SKIPPED = '<testcase classname="tests.a" name="database"><skipped type="pytest.skip"/></testcase>'
RAN = '<testcase classname="tests.a" name="database"/>'


@pytest.mark.parametrize(
    ("second", "left_out"),
    [
        (RAN, ["skipped: tests.a::both"]),
        (SKIPPED, ["skipped: tests.a::both", "skipped: tests.a::database"]),
    ],
)
def test_a_test_is_left_out_if_it_ran_on_no_database(tmp_path, second, left_out):
    (tmp_path / "one.xml").write_text(REPORT.format(more=SKIPPED))
    (tmp_path / "two.xml").write_text(REPORT.format(more=second))

    assert results.never_run(sorted(tmp_path.glob("*.xml"))) == left_out


def test_each_missing_service_is_named_with_its_remedy():
    said = "; ".join(checking.what_is_left_out({}))

    assert all(word in said for word in ("TEST_DATABASE_URL", "TEST_CACHE_URL", "chromium", "nginx"))
    everything = {"TEST_DATABASE_URL": "postgres://…", "TEST_CACHE_URL": "rediscache://…"}
    programs = {"CHROMIUM": "/usr/bin/chromium", "NGINX": "/usr/sbin/nginx"}
    assert checking.what_is_left_out(everything | programs) == []


@pytest.fixture
def run(monkeypatch):
    """`make test` with made-up outcomes."""

    def main(*passed, env):
        outcomes = [checking.Outcome(f"step {number}", each, 1.0) for number, each in enumerate(passed)]
        for name in ("TEST_DATABASE_URL", "TEST_CACHE_URL", "CHROMIUM", "NGINX", "REQUIRE_ALL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(checking.installing, "check_can_ensure", lambda command: None)
        monkeypatch.setattr(checking.installing, "ensure", lambda level, command: None)
        monkeypatch.setattr(checking, "static_checks", lambda processes: outcomes)
        monkeypatch.setattr(checking, "test_runs", lambda processes, env: [])
        monkeypatch.setattr(checking, "reports", list)
        return checking.main()

    return main


def test_one_failure_fails_the_whole(run, capsys):
    assert run(True, False, True, env={}) == 1
    assert capsys.readouterr().out.count("FAILED") == 1


def test_leaving_out_is_said_and_passes(run, capsys):
    assert run(True, env={}) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Left out: PostgreSQL tests (set TEST_DATABASE_URL); ")


def test_leaving_out_fails_where_all_is_required(run):
    assert run(True, env={"REQUIRE_ALL": "1"}) == 1


@pytest.mark.parametrize("variable", ["CHROMIUM", "NGINX"])
def test_a_program_that_is_not_there(variable):
    with pytest.raises(Trouble, match=f"{variable}=/no/such is no program"):
        checking.find_programs({variable: "/no/such"})


def test_programs_on_path(tmp_path, monkeypatch):
    for name in ("google-chrome", "nginx"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert checking.find_programs({}) == {
        "CHROMIUM": str(tmp_path / "google-chrome"),
        "NGINX": str(tmp_path / "nginx"),
    }
