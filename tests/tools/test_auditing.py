"""`make audit` and `make sbom`, with an interpreter that only writes down what it is asked to run."""

import pytest

from tools import auditing, commands, installing

FAKE = """#!/bin/sh
printf "%s " "$*" "PYTHONPATH=$PYTHONPATH" >> {log}; echo >> {log}
case "$*" in *{failing}*) exit 1 ;; esac
"""


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A function that runs a command while one module fails; returns its exit code and the calls."""

    def run(command, failing):
        fake, log = tmp_path / "python", tmp_path / "log"
        fake.write_text(FAKE.format(log=log, failing=failing))
        fake.chmod(0o755)
        monkeypatch.setattr(installing, "PYTHON", fake)
        monkeypatch.setattr(installing, "ensure", lambda level, command: None)
        monkeypatch.setattr(auditing, "LOG", tmp_path / "audit.log")
        return commands.main([command]), log.read_text().splitlines()[1:]  # the first asks for the version

    return run


def test_a_weakness_fails_the_audit_and_a_package_without_an_answer_too(asked, capsys):
    code, (install, audit) = asked("audit", failing="pip_audit")

    assert code == 1
    assert "--require-hashes" in install
    assert install.split(" PYTHONPATH=")[0].endswith("requirements/audit.txt")
    assert "--strict" in audit
    assert "requirements/test.txt" in audit
    assert install.split("--target ")[1].split()[0] == audit.split("PYTHONPATH=")[1].strip()
    assert "The audit failed" in capsys.readouterr().out


def test_the_bill_lists_what_is_deployed(asked, capsys):
    code, (_, sbom) = asked("sbom", failing="nothing-fails")

    assert code == 0
    assert "requirements/serve.txt" in sbom
    assert ".run/sbom.cdx.json" in capsys.readouterr().out


def test_tools_that_cannot_be_installed_are_told_with_the_next_step(asked):
    with pytest.raises(SystemExit, match=r"requirements/audit.txt could not be installed\. Next: read "):
        asked("audit", failing="install")
