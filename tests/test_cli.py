"""The commands, called in this process; and two real processes, as an operator starts them."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import types
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from torouter import __version__
from torouter.accounts import Announcement, hash_key
from torouter.cli import cli
from torouter.config import Settings
from torouter.errors import ConfigError
from torouter.store import Store
from torouter.store.migrate import REVISIONS


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that says where the data is, and nothing else."""
    for name in [name for name in os.environ if name.startswith("TOROUTER_") or name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOROUTER_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin, catch_exceptions=False)


def answer(*arguments: str) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


class FakeApp(types.ModuleType):
    """Stands in for `torouter.app`: notes what it is asked to serve."""

    def __init__(self) -> None:
        super().__init__("torouter.app")
        self.served: list[tuple[Settings, Announcement]] = []
        self.error: Exception | None = None
        self.code = 0

    def serve(self, settings: Settings, announcement: Announcement) -> int:
        self.served.append((settings, announcement))
        if self.error is not None:
            raise self.error
        return self.code


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    fake = FakeApp()
    monkeypatch.setitem(sys.modules, "torouter.app", fake)
    monkeypatch.setattr("torouter.app", fake, raising=False)
    return fake


class TestServe:
    def test_the_first_start_makes_everything_and_announces_the_key(self, data_dir: Path, app: FakeApp) -> None:
        assert answer("serve") == ""
        ((settings, announcement),) = app.served
        assert (settings.data_dir, settings.server.port) == (data_dir, 8000)
        assert (announcement.url, announcement.key_origin, announcement.is_demo) == (
            "http://127.0.0.1:8000",
            "made",
            True,
        )
        assert announcement.key is not None
        assert re.fullmatch(r"sk-[A-Za-z0-9]{48}", announcement.key)
        with Store.open(data_dir) as store:
            assert store.find_key(hash_key((data_dir / "secret").read_bytes(), announcement.key)) is not None

    def test_later_starts_do_not(self, data_dir: Path, app: FakeApp) -> None:
        run("serve")
        run("serve")
        announcement = app.served[1][1]
        assert (announcement.key, announcement.key_origin) == (None, "kept")

    def test_options_win_over_the_environment(
        self, data_dir: Path, app: FakeApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Path("gateway.yaml").write_text("channels: [{kind: ollama}]\nserver: {workers: 2, grace_s: 1}")
        monkeypatch.setenv("TOROUTER_PORT", "1111")
        options = (
            "--host",
            "::1",
            "--port",
            "2222",
            "--data",
            "elsewhere",
            "--config",
            "gateway.yaml",
            "--workers",
            "3",
        )
        answer("serve", *options)
        ((settings, announcement),) = app.served
        server = settings.server
        assert (server.host, server.port, server.workers, server.grace_s) == ("::1", 2222, 3, 1.0)
        assert settings.data_dir == Path.cwd() / "elsewhere"
        assert (Path.cwd() / "elsewhere" / "torouter.db").exists()
        assert not data_dir.exists()
        assert announcement.url == "http://[::1]:2222"
        assert [line.split(" · ")[0] for line in announcement.channels] == ["ollama (ollama)"]
        assert not announcement.is_demo

    def test_a_given_first_key_exists_and_is_not_announced(
        self, data_dir: Path, app: FakeApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TOROUTER_FIRST_KEY", "sk-test-first-key")
        for _ in range(2):
            answer("serve")
        assert [(announcement.key, announcement.key_origin) for _, announcement in app.served] == [(None, "given")] * 2
        with Store.open(data_dir) as store:
            assert store.find_key(hash_key((data_dir / "secret").read_bytes(), "sk-test-first-key")) is not None
            assert len(store.list_keys()) == 1

    def test_a_malformed_first_key_is_refused(
        self, data_dir: Path, app: FakeApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TOROUTER_FIRST_KEY", "hunter2")
        result = run("serve")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == "Error: TOROUTER_FIRST_KEY: expected a key that starts with 'sk-'.\n"
        assert app.served == []

    def test_the_exit_code_is_the_servers(self, data_dir: Path, app: FakeApp) -> None:
        app.code = 3
        assert run("serve").exit_code == 3

    def test_a_key_that_could_not_be_announced_is_shown_all_the_same(self, data_dir: Path, app: FakeApp) -> None:
        app.error = ConfigError("Cannot listen on 127.0.0.1 port 8000: Address already in use.")
        result = run("serve")
        assert result.exit_code == 2
        assert result.stderr == "Error: Cannot listen on 127.0.0.1 port 8000: Address already in use.\n"
        assert result.stdout == f"Key (shown once): {app.served[0][1].key}\n"
        assert run("serve").stdout == ""

    def test_a_faulty_file_is_refused_before_anything_is_made(self, data_dir: Path, app: FakeApp) -> None:
        Path("gateway.yaml").write_text("server:\n  prot: 1\n  workers: x\n")
        result = run("serve", "--config", "gateway.yaml")
        assert result.exit_code == 2
        assert result.stderr == (
            "Error: gateway.yaml:2: server: unknown key 'prot'; did you mean port?\n"
            "gateway.yaml:3: server.workers: expected a whole number from 1 to 256, got 'x'\n"
        )
        assert not data_dir.exists()

    def test_a_lost_secret_is_not_replaced(self, data_dir: Path, app: FakeApp) -> None:
        run("serve")
        (data_dir / "secret").unlink()
        result = run("serve")
        assert result.exit_code == 1
        assert "secret is missing, and the keys in the store were hashed with it" in result.stderr
        assert not (data_dir / "secret").exists()

    @pytest.mark.parametrize(("option", "value"), [("--port", "65536"), ("--port", "x"), ("--workers", "0")])
    def test_malformed_options_are_refused(self, data_dir: Path, app: FakeApp, option: str, value: str) -> None:
        result = run("serve", option, value)
        assert result.exit_code == 2
        assert f"Invalid value for '{option}'" in result.stderr
        assert app.served == []


class TestCheck:
    def test_shows_the_channels_without_their_keys(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("gateway.yaml").write_text(
            "channels:\n  - {kind: openai, api_key: hunter2, models: [gpt-5], groups: [a]}\n"
        )
        monkeypatch.setenv("GEMINI_API_KEY", "hunter2")
        assert answer("check", "--config", "gateway.yaml") == (
            "The configuration is good: gateway.yaml.\n"
            f"Listens on 127.0.0.1 port 8000, data in {data_dir}.\n"
            "  openai (openai) · https://api.openai.com/v1 · openai-chat, openai-responses · models: gpt-5 · "
            "groups: a · from gateway.yaml:2\n"
            "  gemini (gemini) · https://generativelanguage.googleapis.com · gemini · models: whatever it serves · "
            "from GEMINI_API_KEY\n"
        )
        assert not data_dir.exists()

    def test_shows_what_else_is_said_of_channels(self, data_dir: Path) -> None:
        Path("gateway.yaml").write_text(
            "channels:\n  - kind: openai\n    credentials: [{name: a, api_key: hunter2}, {name: b, api_key: hunter3}]\n"
            "    concurrency: 20\n    on_cut: error\n    hedge: true\n    probe_s: 30\n    models: [gpt-5]\n"
            "  - {kind: vllm, is_enabled: false}\n"
            "fallbacks: {gpt-5: {context_length: [gpt-4.1], outage: [a, b]}}\n"
        )
        assert answer("check", "--config", "gateway.yaml").splitlines()[2:] == [
            "  openai (openai) · https://api.openai.com/v1 · openai-chat, openai-responses · models: gpt-5 · "
            "credentials: a, b · at most 20 at once · a cut: error · hedged · probed every 30 s · from gateway.yaml:2",
            "  gpt-5 falls back: too long a conversation: gpt-4.1; an outage: a, b",
        ]

    def test_without_a_file(self, data_dir: Path) -> None:
        lines = answer("check").splitlines()
        assert lines[0] == "The configuration is good: the environment and defaults."
        assert lines[2].startswith("  demo (demo) · ")

    def test_says_what_is_wrong(self, data_dir: Path) -> None:
        Path("gateway.yaml").write_text("servr: {}")
        result = run("check", "--config", "gateway.yaml")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == "Error: gateway.yaml:1: unknown key 'servr'; did you mean server?\n"


class TestKey:
    def test_create_prints_the_key_alone(self, data_dir: Path) -> None:
        result = run("key", "create", "--name", "ci", "--models", " gpt-5, claude-haiku-4-5,", "--expires-days", "90")
        assert result.exit_code == 0
        assert re.fullmatch(r"sk-[A-Za-z0-9]{48}\n", result.stdout)
        assert result.stderr == "Key 1 (ci) of group default. It is shown this once:\n"
        with Store.open(data_dir) as store:
            row = store.find_key(hash_key((data_dir / "secret").read_bytes(), result.stdout.strip()))
        assert row is not None
        assert row.models == ("gpt-5", "claude-haiku-4-5")
        assert row.expires_ms is not None
        end = datetime.fromtimestamp(row.expires_ms / 1000, UTC)
        assert abs(end - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)

    @pytest.mark.parametrize(("option", "keeps"), [("--keep-responses", "yes"), ("--no-keep-responses", "no")])
    def test_create_says_whether_answers_are_kept(self, data_dir: Path, option: str, keeps: str) -> None:
        assert run("key", "create", option).exit_code == 0
        assert re.search(rf"^keep_responses +{keeps}$", answer("key", "show", "1"), flags=re.MULTILINE)
        with Store.open(data_dir) as store:
            [row] = store.list_keys()
        assert row.keep_responses is (keeps == "yes")

    def test_create_in_a_group(self, data_dir: Path) -> None:
        assert answer("group", "create", "research") == (
            "Group research is there. A key of it: torouter key create --group research\n"
        )
        assert run("key", "create", "--group", "research").exit_code == 0
        assert re.search(r"^1 .* key  +1 +research +enabled", answer("key", "list"), flags=re.MULTILINE)

    def test_create_in_a_group_that_does_not_exist(self, data_dir: Path) -> None:
        result = run("key", "create", "--group", "research")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: There is no group named research; the groups are: default.\n"

    def test_a_life(self, data_dir: Path) -> None:
        key = run("key", "create", "--name", "laptop").stdout.strip()
        assert answer("key", "list") == (
            "ID  KEY          NAME    ACCOUNT  GROUP    STATUS   MODELS  SPENT  CAP   EXPIRES  LAST USED\n"
            f"1   {key[:6]}…{key[-4:]}  laptop  1        default  enabled  all     0.00   none  never    never\n"
        )
        assert answer("key", "disable", "1") == "Key 1 (laptop) is disabled.\n"
        assert "disabled" in answer("key", "list")
        assert answer("key", "enable", "1") == "Key 1 (laptop) is enabled.\n"
        assert answer("key", "delete", "1", "--yes") == "Key 1 (laptop) is deleted.\n"
        assert "laptop" not in answer("key", "list")
        assert "deleted" in answer("key", "list", "--all")

    def test_delete_asks(self, data_dir: Path) -> None:
        run("key", "create", "--name", "laptop")
        assert run("key", "delete", "1", stdin="n\n").exit_code == 1
        assert "laptop" in answer("key", "list")
        assert run("key", "delete", "1", stdin="y\n").exit_code == 0
        assert "laptop" not in answer("key", "list")

    @pytest.mark.parametrize("command", [("disable",), ("enable",), ("delete", "--yes")])
    def test_one_that_does_not_exist(self, data_dir: Path, command: tuple[str, ...]) -> None:
        result = run("key", command[0], "7", *command[1:])
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: There is no key 7; `torouter key list` shows the keys.\n"


class TestOthers:
    def test_accounts(self, data_dir: Path) -> None:
        run("key", "create")
        heads, row = answer("account", "list").splitlines()
        assert heads.split() == ["ID", "E-MAIL", "NAME", "ROLE", "STATUS", "BILLING", "BALANCE", "CREATED"]
        assert re.fullmatch(
            r"1 +admin@localhost +Administrator +admin +active +\w+ +0\.00 +\d{4}-\d\d-\d\d \d\d:\d\d UTC", row
        )

    def test_groups(self, data_dir: Path) -> None:
        assert re.fullmatch(r"ID  NAME     PLATFORM .* CREATED\n1   default  any .* UTC\n", answer("group", "list"))

    def test_db_upgrade_and_check(self, data_dir: Path) -> None:
        result = run("db", "check")
        path = data_dir / "torouter.db"
        assert result.exit_code == 1
        assert result.stderr == (
            f"Error: {path} is not there yet, or empty, and this version uses {REVISIONS[-1]}: "
            "run `torouter db upgrade`.\n"
        )
        assert not data_dir.exists()
        assert answer("db", "upgrade") == f"{path} has this version's schema.\n"
        assert answer("db", "check") == f"{path} has this version's schema, {REVISIONS[-1]}.\n"

    def test_db_check_of_a_newer_store(self, data_dir: Path) -> None:
        run("db", "upgrade")
        connection = sqlite3.connect(data_dir / "torouter.db")
        with connection:
            connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.close()
        for command in ("check", "upgrade"):
            result = run("db", command)
            assert result.exit_code == 1
            assert "has schema 0999" in result.stderr
            assert "Install that version again" in result.stderr

    def test_version(self) -> None:
        assert answer("version") == answer("--version") == f"torouter {__version__}\n"


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"), list(commands(cli)), ids=lambda part: " ".join(part) if isinstance(part, tuple) else ""
)
def test_every_command_has_help_and_an_example(path: tuple[str, ...], command: click.Command) -> None:
    text = answer(*path, "--help")
    assert f"Usage: cli {' '.join(path)}" in text
    if not isinstance(command, click.Group) and path != ("version",):
        assert "Example" in text
        assert f"torouter {' '.join(path)}" in text


def test_the_commands_load_fast() -> None:
    """What a command does not need is not imported: the help comes without SQLAlchemy, YAML and the server."""
    program = "import sys, torouter.cli; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "click" in loaded
    assert loaded.isdisjoint({"sqlalchemy", "alembic", "yaml", "uvicorn", "starlette", "msgspec", "asyncio"})


class TestProcess:
    def environ(self, data_dir: Path) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(data_dir.parent), "TOROUTER_DATA": str(data_dir)}

    def test_a_command(self, data_dir: Path) -> None:
        call = [sys.executable, "-W", "error", "-m", "torouter", "key"]
        environ = self.environ(data_dir)
        made = subprocess.run([*call, "create"], env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert (made.returncode, made.stderr) == (0, "Key 1 (key) of group default. It is shown this once:\n")
        shown = subprocess.run([*call, "list"], env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert made.stdout.strip()[-4:] in shown.stdout

    def test_a_failure_is_a_sentence(self, data_dir: Path) -> None:
        call = [sys.executable, "-m", "torouter", "check", "--config", "none.yaml"]
        done = subprocess.run(call, env=self.environ(data_dir), capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "Error: none.yaml: cannot be read: No such file or directory\n"
