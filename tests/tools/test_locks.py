"""The lock files: exact, hashed, for every platform, and without a word on where packages come from."""

import re

import pytest

from tools.basics import ROOT
from tools.installing import LOCKS

FOLDER = ROOT / "requirements"
SHAPE = {"django", "social-auth-app-django", "requests", "pytest-django"}  # the product's shape needs no reason


LOCKED = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>\S+)( ; (?P<marker>.*?))?(?P<hashes>(\s+--hash=sha256:[0-9a-f]{64})+)\s*"
)


def locked(level):
    """Each package of a lock: its version, marker and hashes."""
    text = (FOLDER / f"{level}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = [LOCKED.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {match["name"]: match for match in found}


def asked(level):
    """The lines of a .in file: requirement, and the reason beside it."""
    lines = (FOLDER / f"{level}.in").read_text().splitlines()
    return [line.partition("#") for line in lines if line and not line.startswith(("#", "-r ", "-c "))]


@pytest.mark.parametrize("level", LOCKS)
def test_every_package_is_exact_and_hashed(level):
    assert len(locked(level)) > 20


@pytest.mark.parametrize("level", LOCKS)
def test_no_lock_says_where_packages_come_from(level):
    text = (FOLDER / f"{level}.txt").read_text()

    assert not re.search(r"https?:|index|find-links|trusted-host|file:|@ ", text)


@pytest.mark.parametrize("level", LOCKS)
def test_every_wish_is_exact_with_its_reason(level):
    for requirement, _, reason in asked(level):
        name = re.fullmatch(r"([\w.-]+)(\[[\w,]+\])?==[\w.]+\s*", requirement)
        assert name, requirement
        assert reason.strip() or name[1] in SHAPE or level == "test", f"{requirement} has no reason"


@pytest.mark.parametrize(("narrow", "wide"), [("serve", "run"), ("run", "test")])
def test_wider_locks_hold_the_narrower_ones(narrow, wide):
    inner, outer = locked(narrow), locked(wide)

    assert {name: match["version"] for name, match in inner.items()}.items() <= {
        name: match["version"] for name, match in outer.items()
    }.items()


def test_run_installs_nothing_that_only_tests_need():
    only_tests = {re.split(r"[\[=]", requirement)[0] for requirement, _, _ in asked("test")}

    assert only_tests
    assert not only_tests & set(locked("run"))


def test_nothing_that_is_installed_holds_the_tools_of_the_audit():
    tools = {re.split(r"[\[=]", requirement)[0] for requirement, _, _ in asked("audit")}

    assert tools == {"pip-audit", "cyclonedx-bom"}
    assert not tools & set(locked("test"))


@pytest.mark.parametrize("name", ["psycopg-binary", "cryptography", "cffi"])
def test_compiled_packages_are_locked_for_many_platforms(name):
    hashes = locked("serve")[name]["hashes"].split()

    assert len(hashes) >= 30, "a lock for this machine alone would hold one or two"


def test_what_only_windows_needs_is_locked_too():
    assert "win32" in locked("serve").get("tzdata", {"marker": ""})["marker"]
