"""The database and Redis stopped under load and brought back: what is served meanwhile, and that nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.sites import COST_NUSD, MODEL, Load, Site, answer, site
from tests.live.upstream import Upstream, until
from tests.servers.postgres import PostgresServer
from torouter.errors import StoreError


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """One that may be stopped: others use the run's own."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def replicas(upstream: Upstream, tmp_path: Path, own_postgres: PostgresServer) -> Iterator[Site]:
    upstream.script(f"up.{MODEL}", answer())
    with site(tmp_path, upstream, replicas=2, postgres=own_postgres) as found:
        yield found


def test_the_database_goes_and_comes_back(replicas: Site, own_postgres: PostgresServer) -> None:
    """Served on what is known, while no edit is acknowledged; whatever was answered is on the books in the end."""
    office = replicas.office
    account_id = office.account(1_000_000 * COST_NUSD)
    key, row = office.key(account_id, cap_nusd=500_000 * COST_NUSD)
    office.settle()
    load = Load(replicas, key).start()
    assert load.during(1).keys() == {200}
    own_postgres.stop()
    assert load.during(3).keys() == {200}
    with pytest.raises(StoreError):
        office.store.set_key_status(row.id, "disabled")
    own_postgres.start()
    assert load.during(2).keys() == {200}
    assert until(lambda: _is_edited(replicas, row.id), 20)
    told = load.end()
    assert told[401] > 0
    replicas.assert_books(row.id, account_id, told[200])


def test_redis_goes_and_comes_back(replicas: Site) -> None:
    """Keys with limits are refused while it is away, keys without are served; no cent of either is lost."""
    office, redis = replicas.office, replicas.redis
    assert redis is not None
    account_id = office.account(1_000_000 * COST_NUSD)
    key, row = office.key(account_id, cap_nusd=500_000 * COST_NUSD)
    free, _ = office.key()
    office.settle()
    load, unlimited = Load(replicas, key).start(), Load(replicas, free, threads=2).start()
    assert load.during(1).keys() == {200}
    redis.stop()
    load.during(1)
    assert load.during(2).keys() == {503}
    redis.start()
    assert until(lambda: load.during(0.5).keys() == {200}, 20)
    told = load.end()
    assert unlimited.end().keys() == {200}
    assert told.keys() == {200, 503}
    replicas.assert_books(row.id, account_id, told[200])


def _is_edited(replicas: Site, key_id: int) -> bool:
    try:
        replicas.office.edit(lambda store: store.set_key_status(key_id, "disabled"))
    except StoreError:
        return False
    return True
