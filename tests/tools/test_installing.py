"""One .venv: made, repaired, filled once."""

import importlib.util
import subprocess

import pytest

from tools import installing
from tools.basics import Trouble


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty checkout whose lock files ask for nothing."""
    for level in installing.LEVELS:
        (tmp_path / f"{level}.txt").write_text(f"# {level}\n")
    monkeypatch.setattr(installing, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(installing, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(installing, "LOG", tmp_path / "install.log")
    monkeypatch.setattr(installing, "lock_file", lambda level: tmp_path / f"{level}.txt")
    return tmp_path


@pytest.fixture
def steps(checkout, monkeypatch):
    """What would have been run, instead of running it; the last one may fail with what a log says."""

    class Steps(list):
        failure = ""

        def run(self, name, command, env, log):
            self.append(name)
            log.write_text(self.failure)
            return 1 if self.failure else 0

    noted = Steps()
    installing.VENV.mkdir()
    monkeypatch.setattr(installing, "sound", lambda: True)
    monkeypatch.setattr(installing.Processes, "run", lambda self, *arguments: noted.run(*arguments))
    return noted


def test_half_made_environment_is_made_anew_and_then_left_alone(checkout, capsys, monkeypatch):
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(checkout / "gone")

    installing.ensure("run", "run")

    assert "half-made" in capsys.readouterr().out
    assert subprocess.run([installing.PYTHON, "-c", "import pip"], check=False).returncode == 0
    monkeypatch.setattr(installing, "Processes", None)  # a second time needs none
    installing.ensure("run", "run")
    assert capsys.readouterr().out == ""


def test_a_dangling_environment_is_replaced(checkout):
    (checkout / ".venv").symlink_to(checkout / "gone")

    installing._remove()

    assert not (checkout / ".venv").is_symlink()


def test_wider_level_holds_narrower_ones(steps):
    installing.ensure("test", "test")
    installing.ensure("run", "run")
    installing.ensure("serve", "serve")

    assert steps == ["pip"]


def test_narrow_level_does_not_hold_wider_ones(steps):
    installing.ensure("serve", "serve")
    installing.ensure("run", "run")

    assert steps == ["pip", "pip"]


@pytest.mark.parametrize(("changed", "again"), [("serve", True), ("run", True), ("test", False)])
def test_a_changed_lock_is_installed(checkout, steps, changed, again):
    installing.ensure("run", "run")
    (checkout / f"{changed}.txt").write_text("# changed\n")
    installing.ensure("run", "run")

    assert len(steps) == (2 if again else 1)


def test_interrupted_installation_does_not_count(steps):
    installing.ensure("run", "run")
    steps.failure = "some error"
    with pytest.raises(Trouble):
        installing.ensure("test", "test")

    assert not installing.installed("run")


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "is not the one that"),
        ("ERROR: No matching distribution found for django", "is there a network"),
        ("Connection refused", "is there a network"),
        ("OSError: No space left on device", "disk is full"),
        ("Segmentation fault", "pip failed"),
    ],
)
def test_failed_installation_is_one_line(steps, log, said):
    steps.failure = log
    with pytest.raises(Trouble) as trouble:
        installing.ensure("run", "run")

    assert said in str(trouble.value)
    assert str(trouble.value).endswith("tools/dev.py run")
    assert "\n" not in str(trouble.value)


def test_no_venv_module(checkout, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    monkeypatch.setattr(installing.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(
        Trouble, match=r"has no venv module here\. Next: apt install python3\.\d+-venv \(as root\), then"
    ):
        installing.check_can_ensure("run")
