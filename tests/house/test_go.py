"""`go.py` on machines that lack something: it says in one sentence what to do, and never shows a traceback."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.project import ROOT, newcomers_environment


@pytest.fixture
def go(tmp_path: Path) -> ModuleType:
    """The script of a checkout that holds nothing else yet."""
    for name in ("go.py", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    spec = importlib.util.spec_from_file_location("go", tmp_path / "go.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command_that_records(folder: Path, name: str) -> Path:
    """An executable that writes down how it was called; returns the file that it writes to."""
    folder.mkdir(exist_ok=True)
    called = folder / f"{name}.called"
    (folder / name).write_text(f'#!/bin/sh\necho "$@" >> {called}\n')
    (folder / name).chmod(0o755)
    return called


class TestPython:
    def test_too_old(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr(go, "OLDEST", (99, 0))
        monkeypatch.setenv("PATH", "")
        assert go.main(["serve"]) == 1
        assert "ToRouter needs 3.11 or newer. Install one" in capsys.readouterr().err

    def test_too_old_beside_a_newer_one(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        command_that_records(tmp_path / "bin", "python3.12")
        became: list[str] = []
        monkeypatch.setattr(go, "OLDEST", (99, 0))
        monkeypatch.setattr(go.os, "execv", lambda _, words: became.extend(words))
        monkeypatch.setattr(sys, "argv", ["go.py", "serve", "--port", "1"])
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        with pytest.raises(go.Trouble):
            go.require_python()
        assert became == [str(tmp_path / "bin" / "python3.12"), "go.py", "serve", "--port", "1"]


class TestDebianWithoutVenv:
    @pytest.fixture(autouse=True)
    def without_ensurepip(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(go.importlib.util, "find_spec", lambda name: None)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
        monkeypatch.setattr(go, "ROOT", tmp_path)

    def test_root_gets_the_package(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        called = command_that_records(tmp_path / "bin", "apt-get")
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        go.require_ensurepip()
        assert called.read_text() == f"update\ninstall -y python3.{sys.version_info[1]}-venv\n"

    def test_a_user_is_told(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        called = command_that_records(tmp_path / "bin", "apt-get")
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(go.Trouble, match=r"sudo sh -c 'apt-get update && apt-get install -y python3\.\d+-venv'"):
            go.require_ensurepip()
        assert not called.exists()

    def test_elsewhere(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        with pytest.raises(go.Trouble, match="no ensurepip"):
            go.require_ensurepip()


class TestNode:
    @pytest.mark.parametrize(
        ("version", "is_enough"), [("v20.11.0", True), ("v24.1.0", True), ("v18.20.4", False), ("", False)]
    )
    def test_is_used_if_recent(
        self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, is_enough: bool
    ) -> None:
        for name in ("node", "npm"):
            (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert go.has_node() is is_enough

    def test_is_not_there(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        assert go.has_node() is False


class TestChromium:
    """Where PATH has none, the tests that need one are preceded by its installation."""

    @pytest.fixture(autouse=True)
    def by_another_name(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """So that a Chromium of this machine is none."""
        monkeypatch.setattr(go, "CHROMIUMS", ("crystal-ball",))
        monkeypatch.setattr(go, "ROOT", tmp_path)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")

    @pytest.mark.parametrize(
        ("arguments", "is_needed"),
        [
            ([], True),
            (["tests"], True),
            (["-x", "tests/browser/test_pages.py"], True),
            (["-k", "words"], True),
            (["tests/canon"], False),
        ],
    )
    def test_is_installed_if_needed(
        self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], is_needed: bool
    ) -> None:
        called = command_that_records(tmp_path / "bin", "apt-get")
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        go.require_chromium(arguments)
        assert called.exists() == is_needed
        if is_needed:
            assert called.read_text().splitlines() == ["update", "install -y crystal-ball fonts-dejavu-core"]

    def test_is_another_where_there_is_none_without_a_window(
        self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        called = command_that_records(tmp_path / "bin", "apt-get")
        with (tmp_path / "bin" / "apt-get").open("a") as script:
            script.write('case "$*" in *crystal-ball*) exit 100;; esac\n')
        monkeypatch.setattr(go, "CHROMIUMS", ("crystal-ball", "crystal"))
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        go.require_chromium([])
        assert called.read_text().splitlines()[-1] == "install -y crystal fonts-dejavu-core"

    def test_is_used_if_there(self, go: ModuleType, tmp_path: Path) -> None:
        called = command_that_records(tmp_path / "bin", "apt-get")
        command_that_records(tmp_path / "bin", "crystal-ball")
        go.require_chromium([])
        assert not called.exists()

    def test_others_are_told(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        command_that_records(tmp_path / "bin", "apt-get")
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        with pytest.raises(go.Trouble, match=r"sudo sh -c 'apt-get update && .apt-get install -y crystal"):
            go.require_chromium([])
        monkeypatch.setenv("PATH", "")
        with pytest.raises(go.Trouble, match="no Chromium"):
            go.require_chromium([])


class TestPipsConfiguration:
    @pytest.fixture(autouse=True)
    def with_pip(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A real pip, that of this machine's Python, reading a configuration file of ours."""
        monkeypatch.setattr(go, "BIN", tmp_path / "bin")
        (tmp_path / "bin").mkdir()
        python = Path(sys.base_prefix) / "bin" / "python3"
        (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
        (tmp_path / "bin" / "python").chmod(0o755)
        (tmp_path / "pip.conf").write_text(
            "[global]\nindex-url = https://mirror.test/simple\ncert = /etc/mirror.pem\nproxy = http://proxy.test:3128\n"
        )
        for name in list(os.environ):
            if name.startswith(("PIP_", "UV_", "SSL_")) or name in {"NODE_EXTRA_CA_CERTS", "HTTPS_PROXY"}:
                monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))

    def test_is_carried_over_to_uv(self, go: ModuleType) -> None:
        environment = go.carried_over()
        assert environment["UV_DEFAULT_INDEX"] == "https://mirror.test/simple"
        assert environment["SSL_CERT_FILE"] == "/etc/mirror.pem"
        assert environment["NODE_EXTRA_CA_CERTS"] == "/etc/mirror.pem"
        assert environment["HTTPS_PROXY"] == "http://proxy.test:3128"
        assert environment["PATH"] == os.environ["PATH"]

    def test_variables_win(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PIP_INDEX_URL", "https://other.test/simple")
        monkeypatch.setenv("SSL_CERT_FILE", "/etc/ours.pem")
        environment = go.carried_over()
        assert environment["UV_DEFAULT_INDEX"] == "https://other.test/simple"
        assert environment["SSL_CERT_FILE"] == "/etc/ours.pem"


class TestEnvironment:
    @pytest.fixture(autouse=True)
    def environment(self, go: ModuleType) -> None:
        go.BIN.mkdir(parents=True)
        (go.BIN / "python").touch()

    def test_of_another_hand_is_not_ours(self, go: ModuleType) -> None:
        assert go.read_stamp() is None

    def test_remembers(self, go: ModuleType) -> None:
        stamp = {"locked": go.locked(), "groups": ["dev"]}
        go.write_stamp(stamp)
        assert go.read_stamp() == stamp

    def test_that_moved_is_made_anew(self, go: ModuleType) -> None:
        go.write_stamp({"locked": go.locked(), "groups": []})
        go.STAMP.write_text(json.dumps(json.loads(go.STAMP.read_text()) | {"root": "/elsewhere"}))
        assert go.read_stamp() is None

    def test_whose_python_has_left_is_made_anew(self, go: ModuleType) -> None:
        go.write_stamp({"locked": go.locked(), "groups": []})
        (go.BIN / "python").unlink()
        assert go.read_stamp() is None

    def test_that_is_up_to_date_costs_nothing(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        go.write_stamp({"locked": go.locked(), "groups": ["dev"]})
        monkeypatch.setattr(subprocess, "run", None)  # starting anything would fail
        go.set_up(set())
        go.set_up({"dev"})

    def test_follows_the_lock(self, go: ModuleType) -> None:
        before = go.locked()
        (go.ROOT / "uv.lock").write_text("version = 2\n")
        assert go.locked() != before


def test_without_a_network_it_says_what_to_do(tmp_path: Path) -> None:
    for name in ("go.py", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    environment = newcomers_environment(tmp_path / "home")
    environment |= {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_NO_INDEX": "0"}
    environment.pop("PIP_FIND_LINKS", None)
    done = subprocess.run(
        ["python3", "go.py", "serve"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Is there a network? Behind a proxy set HTTPS_PROXY" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("words", "status"), [([], 0), (["help"], 0), (["fly"], 2)])
def test_help(go: ModuleType, capsys: pytest.CaptureFixture[str], words: list[str], status: int) -> None:
    assert go.main(words) == status
    assert "python3 go.py serve" in capsys.readouterr().err


class TestTest:
    """With commands that stand in for the real ones."""

    @pytest.fixture(autouse=True)
    def set_up(self, go: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        go.BIN.mkdir(parents=True)
        monkeypatch.setattr(go, "set_up", lambda groups: None)
        monkeypatch.setattr(go, "require_chromium", lambda arguments: None)
        monkeypatch.setattr(go, "carried_over", lambda: dict(os.environ))
        self.command(go, "pytest", "")

    def command(self, go: ModuleType, name: str, script: str) -> tuple[str, ...]:
        (go.BIN / name).write_text(f"#!/bin/sh\n{script}\n")
        (go.BIN / name).chmod(0o755)
        return (name,)

    def test_checks_run_side_by_side_and_speak_in_their_order(
        self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The first waits for a word of the last, as long as it must."""
        waits = self.command(go, "waits", f"until [ -e {go.ROOT}/word ]; do sleep 0.01; done; echo first >&2; exit 3")
        says = self.command(go, "says", f"echo last; touch {go.ROOT}/word")
        monkeypatch.setattr(go, "CHECKS", (("one", waits), ("two", says)))
        monkeypatch.setattr(go, "TESTS", ())
        assert go.main(["test"]) == 1
        out, err = capfd.readouterr()
        assert out == "first\nlast\n"
        assert err.index("one: FAILED in ") < err.index("two: passed in ")
        assert err.endswith("go.py: failed: one. What each has to say stands above.\n")

    def test_checks_give_way_to_what_measures_time(
        self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Which has begun before they are done."""
        self.command(go, "pytest", f"nice; touch {go.ROOT}/word")
        waits = self.command(go, "waits", f"until [ -e {go.ROOT}/word ]; do sleep 0.01; done; nice")
        monkeypatch.setattr(go, "CHECKS", (("one", waits),))
        monkeypatch.setattr(go, "TESTS", ())
        assert go.main(["test"]) == 0
        measuring, checking = map(int, capfd.readouterr().out.split())
        assert measuring == os.nice(0)
        assert checking == 19

    @pytest.mark.parametrize(("status", "failed"), [(0, []), (1, ["failed: pytest, what measures time."])])
    def test_what_measures_time_and_failed_runs_again_without_checks(
        self,
        go: ModuleType,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        status: int,
        failed: list[str],
    ) -> None:
        marked = go.ROOT / "tests" / "live" / "test_pace.py"
        marked.parent.mkdir(parents=True)
        marked.write_text(f"pytestmark = pytest.{'mark'}.alone\n")
        marked.with_name("test_other.py").touch()
        self.command(go, "pytest", f'echo "$@"; [ "$4" ] && [ -e {go.ROOT}/checked ] && exit {status}; exit 1')
        monkeypatch.setattr(go, "CHECKS", (("one", self.command(go, "check", f"sleep 0.2; touch {go.ROOT}/checked")),))
        monkeypatch.setattr(go, "TESTS", ())
        assert go.main(["test"]) == status
        out, err = capfd.readouterr()
        assert out.splitlines() == [
            "-m alone tests/live/test_pace.py",
            "-m alone tests/live/test_pace.py --last-failed",
        ]
        assert re.findall(r"failed: [a-z, ]+\.", err) == failed

    @pytest.mark.parametrize(("status", "failed"), [(0, []), (1, ["failed: pytest."])])
    def test_what_failed_beside_others_runs_again(
        self,
        go: ModuleType,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        status: int,
        failed: list[str],
    ) -> None:
        monkeypatch.setattr(go, "CHECKS", (("check", self.command(go, "check", "")),))
        monkeypatch.setattr(go, "TESTS", (("pytest", self.command(go, "fails", "exit 1")),))
        monkeypatch.setattr(go, "AGAIN", {"pytest": ("again", self.command(go, "alone", f"exit {status}"))})
        assert go.main(["test"]) == status
        said = capfd.readouterr().err
        assert re.findall(r"failed: \w+\.", said) == failed
        assert "again: " + ("FAILED" if status else "passed") in said

    def test_what_must_be_alone_is_marked_where_it_is_looked_for(self, go: ModuleType) -> None:
        marked = [file for file in (ROOT / "tests").rglob("*.py") if go.MARKED_ALONE.search(file.read_text("utf-8"))]
        assert len(marked) > 5
        assert [file for file in marked if not file.name.startswith("test_")] == []

    def test_pytest_keeps_its_bytecode(
        self, go: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        self.command(go, "pytest", 'echo "$@ ${PYTHONDONTWRITEBYTECODE-unset}"')
        assert go.main(["test", "tests/canon", "-x"]) == 0
        assert capfd.readouterr().out == "tests/canon -x unset\n"
