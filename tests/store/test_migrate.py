"""From nothing to the schema of this version; never over a newer one; by any number of processes at once."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tests.store.entries import AT_MS, usage_row
from torouter.errors import ConfigError, StoreError
from torouter.store import LimitColumns, Store, UsageFilter, schema_state
from torouter.store.engine import open_home
from torouter.store.entries import INSERT_USAGE
from torouter.store.migrate import MIGRATIONS, REVISIONS
from torouter.store.schema import metadata
from torouter.store.spans import DAY_MS, HOUR_MS
from torouter.store.sqlite import FILE_NAME, SqliteHome
from torouter.units import Secret


@pytest.fixture
def path(data_dir: Path) -> Path:
    return data_dir / FILE_NAME


def execute(path: Path, *statements: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return [row for statement in statements for row in connection.execute(statement).fetchall()]
    finally:
        connection.close()


class TestRevisions:
    def test_the_tables_are_what_the_migrations_make(self, store: Store, opened: tuple[Path, Secret | None]) -> None:
        engine = open_home(*opened).reader
        try:
            with engine.connect() as connection:
                context = MigrationContext.configure(connection, opts={"compare_type": True})
                assert compare_metadata(context, metadata) == []
        finally:
            engine.dispose()

    def test_the_ids_are_those_of_the_files(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        line = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
        assert tuple(reversed(line)) == REVISIONS

    def test_the_tables_have_constraints_with_names(self, sqlite_store: Store, path: Path) -> None:
        (made,) = execute(path, "SELECT sql FROM sqlite_master WHERE name = 'keys'")
        assert "CONSTRAINT uq_keys_key_hash UNIQUE" in str(made[0])
        assert "CONSTRAINT fk_keys_account_id_accounts FOREIGN KEY" in str(made[0])


class TestUpgrading:
    def test_a_store_of_the_first_version_keeps_what_it_has(self, data_dir: Path, database: Secret | None) -> None:
        home = open_home(data_dir, database)
        home.prepare()
        with home.writer.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            for statement in (
                "INSERT INTO groups (name, created_ms) VALUES ('team', 1)",
                "INSERT INTO accounts (email, display_name, role, status, created_ms) "
                "VALUES ('a@b', 'A', 'admin', 'active', 0)",
                "INSERT INTO keys (account_id, group_id, name, key_hash, head, tail, models, status, created_ms) "
                "VALUES (1, 2, 'k', '', 'sk-a…', 'z', '[]', 'enabled', 0)",
            ):
                connection.execute(text(statement))
        home.reader.dispose()
        with Store.open(data_dir, database) as store:
            assert [group.name for group in store.list_groups()] == ["default", "team"]
            (key,) = store.list_keys()
            assert (key.name, key.group, key.keep_responses, key.limits) == ("k", "team", None, LimitColumns())
            (account,) = store.list_accounts()
            assert (account.billing, account.balance_nusd) == ("unlimited", 0), "it was served without a balance"
            assert [each.id for each in store.changes_since(0).keys] == [key.id]
            assert store.find_state([b"k"], 0) == {}
            assert store.find_done(b"k", 0) is None
        assert schema_state(data_dir, database).is_current

    def test_roll_ups_learn_outcomes_from_the_requests_that_are_left(
        self, data_dir: Path, database: Secret | None
    ) -> None:
        """Of what was pruned nobody knows them, and its sums stay."""
        home = open_home(data_dir, database)
        home.prepare()
        kept = [
            usage_row(at_ms=AT_MS + hour * HOUR_MS, outcome=outcome, model=model, cost_nusd=7)
            for hour in (0, 1, 30)
            for outcome in ("ok", "ok", "refused")
            for model in ("a", "b")
        ]
        with home.writer.begin() as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = connection
            command.upgrade(config, "0008")
            INSERT_USAGE.run(connection, kept)
            for since, step_ms in (("hour", HOUR_MS), ("day", DAY_MS)):
                place = f"at_ms / {step_ms} * {step_ms}, account_id, key_id, model"
                connection.execute(
                    text(
                        f"INSERT INTO usage_{since}s SELECT {place}, count(*), "
                        "sum(CASE outcome WHEN 'ok' THEN 0 ELSE 1 END), sum(input_tokens), sum(cache_read_tokens), "
                        "sum(cache_write_tokens), sum(output_tokens), "
                        f"sum(cost_nusd) FROM usage GROUP BY {place}"
                    )
                )
                connection.execute(text(f"UPDATE usage_{since}s SET requests = requests + 2, failures = failures + 1"))
                connection.execute(
                    text(f"INSERT INTO usage_{since}s VALUES ({AT_MS - AT_MS % DAY_MS - DAY_MS},1,1,'a',5,4,3,2,1,0,9)")
                )
        home.reader.dispose()
        with Store.open(data_dir, database) as store:
            assert len(store.usage_page(UsageFilter(), limit=100)) == 18
            hours, days = (
                sum(each.totals.requests for each in store.usage_series(UsageFilter(), step))  # type: ignore[arg-type]
                for step in ("hour", "day")
            )
            assert (hours, days) == (18 + 2 * 6 + 5, 18 + 2 * 4 + 5)
            whole = store.usage_totals(UsageFilter())
            assert (whole.requests, whole.failures, whole.cost_nusd) == (31, 6 + 4 + 4, 18 * 7 + 9)
            assert store.usage_totals(UsageFilter(outcome="ok")).requests == 12
            refused = store.usage_totals(UsageFilter(outcome="refused", model="a"))
            assert (refused.requests, refused.failures, refused.cost_nusd) == (3, 3, 21)
            assert store.usage_totals(UsageFilter(outcome="")).requests == 13


class TestOpening:
    def test_makes_everything_for_its_owner_alone(self, tmp_path: Path) -> None:
        data_dir = tmp_path / "a" / "b"
        with Store.open(data_dir) as store:
            store.create_group("team")
            assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
            files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data_dir.iterdir()}
        assert files == {"torouter.db": 0o600, "torouter.db-wal": 0o600, "torouter.db-shm": 0o600}

    def test_again_changes_nothing(self, store: Store, opened: tuple[Path, Secret | None]) -> None:
        store.create_group("team")
        with Store.open(*opened) as again:
            assert [group.name for group in again.list_groups()] == ["default", "team"]
            assert again.revision() == 1

    def test_a_python_with_an_old_sqlite_is_told(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
        with pytest.raises(ConfigError, match=r"built with SQLite 3\.34\.1, and ToRouter needs 3\.35 or newer"):
            Store.open(data_dir)
        assert not data_dir.exists()

    def test_leaves_the_mode_of_what_exists(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        Store.open(tmp_path).close()
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755

    def test_a_path_with_odd_characters_is_fine(self, tmp_path: Path) -> None:
        with Store.open(tmp_path / "100% ä?b=c&d#e;f:g") as store:
            assert Path(store.place).exists()
            assert [group.name for group in store.list_groups()] == ["default"]

    def test_the_connection_is_set_up(self, sqlite_store: Store, data_dir: Path) -> None:
        engine = SqliteHome(data_dir).reader
        try:
            with engine.connect() as connection:
                asked = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                    for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
                }
        finally:
            engine.dispose()
        assert asked == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 10_000}

    def test_a_newer_schema_is_refused_and_left_alone(self, store: Store, opened: tuple[Path, Secret | None]) -> None:
        pretend_newer(opened)
        with pytest.raises(StoreError) as caught:
            Store.open(*opened)
        assert caught.value.message == (
            f"The store {store.place} has schema 0999, and this version of torouter knows schemas up to "
            f"{REVISIONS[-1]}: a newer version has upgraded it. Install that version again, or put a backup of the "
            "store from before the upgrade in its place."
        )
        assert schema_state(*opened).found == "0999"

    def test_a_file_that_is_no_database_is_refused(self, data_dir: Path) -> None:
        data_dir.mkdir()
        (data_dir / "torouter.db").write_bytes(b"not a database, whatever its name" * 100)
        with pytest.raises(StoreError, match=r"torouter\.db is damaged \(file is not a database\): put a backup"):
            Store.open(data_dir)

    def test_a_directory_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(
            StoreError, match=r"The data directory .*file cannot be used: File exists\. Give a directory"
        ):
            Store.open(tmp_path / "file")

    def test_a_failed_upgrade_leaves_nothing_behind(self, data_dir: Path) -> None:
        data_dir.mkdir()
        path = data_dir / "torouter.db"
        execute(path, "CREATE TABLE usage (in_the_way INTEGER)")  # the migration makes two tables before this one
        with pytest.raises(StoreError, match="table usage already exists"):
            Store.open(data_dir)
        assert execute(path, "SELECT name FROM sqlite_master WHERE type = 'table'") == [("usage",)]

    def test_waits_while_another_process_opens_it(self, data_dir: Path) -> None:
        data_dir.mkdir()
        directory = os.open(data_dir, os.O_RDONLY)
        fcntl.flock(directory, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: Store.open(data_dir).close())
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        assert (data_dir / "torouter.db").read_bytes() == b""
        os.close(directory)
        thread.join(30)
        assert schema_state(data_dir).is_current

    def test_a_store_that_another_holds_is_busy(
        self, sqlite_store: Store, data_dir: Path, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("torouter.store.sqlite._BUSY_S", 0.05)
        try:
            with Store(data_dir, SqliteHome(data_dir)) as hasty:
                assert hasty.revision() == 0  # reading goes on
                with pytest.raises(StoreError, match="another process holds it"):
                    hasty.create_group("team")
        finally:
            holder.close()


class TestState:
    def test_looking_makes_nothing(self, data_dir: Path, database: Secret | None) -> None:
        for _ in range(2):
            state = schema_state(data_dir, database)
            assert (state.found, state.expected, state.is_current, state.is_known) == (None, REVISIONS[-1], False, True)
        assert not data_dir.exists()

    def test_after_opening_it_is_current(self, store: Store, opened: tuple[Path, Secret | None]) -> None:
        state = schema_state(*opened)
        assert (state.place, state.found, state.is_current) == (store.place, REVISIONS[-1], True)

    def test_a_newer_one_is_not_known(self, store: Store, opened: tuple[Path, Secret | None]) -> None:
        pretend_newer(opened)
        state = schema_state(*opened)
        assert (state.found, state.is_current, state.is_known) == ("0999", False, False)


def pretend_newer(opened: tuple[Path, Secret | None]) -> None:
    engine = open_home(*opened).writer
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    engine.dispose()


def test_processes_may_start_on_a_new_store_at_once(data_dir: Path, database: Secret | None) -> None:
    """Each upgrades or finds it done, and writes; none is turned away."""
    program = """
import sys
from pathlib import Path
from torouter.store import Store
from torouter.units import Secret
database = sys.stdin.readline().strip()  # all have loaded the code and start together
with Store.open(Path(sys.argv[1]), Secret(database) if database else None) as store:
    store.create_group(sys.argv[2])
"""
    names = ["one", "two", "three"]
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, str(data_dir), name],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(f"{database.reveal() if database else ''}\n")
        child.stdin.flush()
    outcomes = [(child.communicate(timeout=60)[1], child.returncode) for child in children]
    assert outcomes == [("", 0)] * 3
    with Store.open(data_dir, database) as store:
        assert sorted(group.name for group in store.list_groups()) == sorted(["default", *names])
        assert store.revision() == 3
