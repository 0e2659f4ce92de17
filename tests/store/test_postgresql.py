"""A store on a PostgreSQL server: its address, what it says when something is wrong, a server that comes back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.servers.postgres import PostgresServer, running_server
from torouter.errors import ConfigError, StoreError
from torouter.store import Store, schema_state
from torouter.store.engine import open_home
from torouter.units import Secret


@pytest.fixture(params=["postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Secret]:
    with running_server().database() as url:
        yield url


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("", "not a URL"),
            ("torouter.db", "not a URL"),
            ("mysql://u:secret@h/d", "begins with mysql://"),
            ("sqlite:///x", "begins with sqlite://"),
            ("postgresql://u:secret@h:port/d", "not a"),
            ("postgresql://h/d", "names no user or no database"),
            ("postgresql://u:secret@h", "names no user or no database"),
            ("postgresql://u:secret@h/d?sslmode=perhaps", "sslmode=perhaps"),
            ("postgresql://u:secret@h/d?sslrootcert=/nowhere&sslmode=require", "/nowhere cannot be read"),
            ("postgresql://u:secret@h/d?pool=5", "options that are not known: pool"),
        ],
    )
    def test_what_is_none_is_refused(self, tmp_path: Path, url: str, words: str) -> None:
        with pytest.raises(ConfigError, match=words) as caught:
            Store.open(tmp_path, Secret(url))
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+pg8000"])
    def test_its_place_is_shown_without_the_password(self, tmp_path: Path, scheme: str) -> None:
        home = open_home(tmp_path, Secret(f"{scheme}://u:secret@h:5433/d?sslmode=disable"))
        assert home.place == "postgresql://u@h:5433/d"
        assert "secret" not in repr(home.reader.url)

    def test_a_socket_on_this_machine_and_an_odd_password(self, tmp_path: Path, database: Secret) -> None:
        server = running_server()
        name = database.reveal().rpartition("/")[2]
        server.execute("DROP ROLE IF EXISTS odd", "CREATE ROLE odd LOGIN SUPERUSER PASSWORD 'p@ss:/%#ä'")
        url = f"postgres://odd:{quote('p@ss:/%#ä', safe='')}@localhost:{server.port}/{name}?host={server.directory}"
        with Store.open(tmp_path, Secret(url)) as store:
            assert [group.name for group in store.list_groups()] == ["default"]
        assert list(tmp_path.iterdir()) == [], "nothing is made in the data directory"

    def test_without_the_driver_it_says_what_to_install(self, tmp_path: Path) -> None:
        program = """
import sys
from pathlib import Path
sys.modules["pg8000"] = None
from torouter.store import Store
from torouter.units import Secret
from torouter.errors import ConfigError
try:
    Store.open(Path("."), Secret("postgresql://u:secret@h/d"))
except ConfigError as error:
    print(error.message)
"""
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == 'A store on PostgreSQL needs its driver: pip install "torouter[postgres]".'

    def test_a_store_on_sqlite_does_not_load_the_driver(self, tmp_path: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from torouter.store import Store; Store.open(Path('.')).close(); "
            "print([name for name in sys.modules if name.startswith(('pg8000', 'torouter.store.postgresql'))])"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"


class TestWords:
    def test_nobody_listens(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot be reached: Connection refused") as caught:
            Store.open(tmp_path, Secret("postgresql://u:secret@127.0.0.1:1/d"))
        assert "secret" not in caught.value.message

    def test_a_wrong_password(self, tmp_path: Path) -> None:
        url = running_server().url().replace(running_server().password, "wrong-secret")
        with pytest.raises(StoreError, match="refuses the user or the password") as caught:
            Store.open(tmp_path, Secret(url))
        assert "wrong-secret" not in caught.value.message

    def test_no_such_database(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="the server has no such database"):
            schema_state(tmp_path, Secret(running_server().url("nowhere")))

    def test_encryption_that_the_server_does_not_have(self, tmp_path: Path, database: Secret) -> None:
        with pytest.raises(StoreError, match="refuses encryption"):
            Store.open(tmp_path, Secret(f"{database.reveal()}?sslmode=require"))

    def test_a_user_who_may_not_make_tables(self, tmp_path: Path, database: Secret) -> None:
        server = running_server()
        server.execute("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'guest'")
        url = database.reveal().replace(f"torouter:{server.password}", "guest:guest")
        with pytest.raises(StoreError, match="does not give this user the right: permission denied"):
            Store.open(tmp_path, Secret(url))

    def test_a_lock_that_another_holds(self, tmp_path: Path, database: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(_startup(), "lock_timeout", "100")
        with Store.open(tmp_path, database) as store, Store.open(tmp_path, database) as other, other.transaction():
            other.create_group("team")
            failed: list[str] = []

            def hasty() -> None:
                try:
                    store.create_group("squad")
                except StoreError as error:
                    failed.append(error.message)

            thread = threading.Thread(target=hasty)
            thread.start()
            thread.join(30)
            assert [message for message in failed if "others hold what this waits for" in message]


def _startup() -> dict[str, str]:
    from torouter.store import postgresql

    return postgresql._STARTUP


class TestMigrations:
    def test_one_process_at_a_time(self, tmp_path: Path, database: Secret) -> None:
        stores: list[Store] = []
        threads = [threading.Thread(target=lambda: stores.append(Store.open(tmp_path, database))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(stores) == 4
        for store in stores:
            store.create_group(f"g{id(store)}")
            store.close()

    def test_waiting_for_one_has_no_limit(
        self, tmp_path: Path, database: Secret, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("torouter.store.postgresql._SILENCE_S", 0.2)
        monkeypatch.setitem(_startup(), "statement_timeout", "200")
        home = open_home(tmp_path, database)
        with home.only_one():
            thread = threading.Thread(target=lambda: Store.open(tmp_path, database).close())
            thread.start()
            thread.join(0.6)
            assert thread.is_alive()
        thread.join(60)
        assert schema_state(tmp_path, database).is_current

    def test_a_failed_one_leaves_nothing_behind(self, tmp_path: Path, database: Secret) -> None:
        server, name = running_server(), database.reveal().rpartition("/")[2]
        server.execute("CREATE TABLE usage (in_the_way integer)", database=name)
        with pytest.raises(StoreError, match='relation "usage" already exists'):
            Store.open(tmp_path, database)
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        assert server.execute(tables, database=name) == [["usage"]]


class TestAServerThatComesBack:
    @pytest.fixture
    def server(self) -> Iterator[PostgresServer]:
        server = PostgresServer()
        server.start()
        yield server
        server.remove()

    def test_the_same_store_works_again(self, tmp_path: Path, server: PostgresServer) -> None:
        server.execute("CREATE DATABASE own")
        with Store.open(tmp_path, Secret(server.url("own"))) as store:
            store.create_group("before")
            server.stop()
            began = time.monotonic()
            for _ in range(3):
                with pytest.raises(StoreError, match="cannot be reached"):
                    store.revision()
                with pytest.raises(StoreError, match="cannot be reached"):
                    store.create_group("between")
            assert time.monotonic() - began < 5
            server.start()
            assert store.revision() == 1
            store.create_group("after")
            assert [group.name for group in store.list_groups()] == ["default", "before", "after"]

    def test_an_idle_store_notices_nothing_of_a_restart(self, tmp_path: Path, server: PostgresServer) -> None:
        server.execute("CREATE DATABASE own")
        with Store.open(tmp_path, Secret(server.url("own"))) as store:
            store.create_group("before")
            server.stop()
            server.start()
            store.create_group("after")
            assert store.revision() == 2

    def test_a_transaction_that_it_interrupts_is_undone(self, tmp_path: Path, server: PostgresServer) -> None:
        server.execute("CREATE DATABASE own")
        with Store.open(tmp_path, Secret(server.url("own"))) as store:

            def interrupted() -> None:
                with store.transaction():
                    store.create_group("half")
                    server.stop()
                    store.create_group("whole")

            with pytest.raises(StoreError, match="cannot be reached"):
                interrupted()
            server.start()
            assert [group.name for group in store.list_groups()] == ["default"]
