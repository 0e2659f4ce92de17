"""A button pressed many times, over connections that reach two workers: done once."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.gateway import Gateway
from tests.live.office import Office, opened
from tests.live.portal import Session
from tests.live.upstream import until
from tests.live.wire import Reply
from tests.servers.prepared import copy_of_started
from tests.servers.redis import running_redis
from torouter.store import Store
from torouter.units import wall_ms

PRESSES = 8


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Whose store has an answer that expired a minute ago, and one that has not."""
    folder = tmp_path_factory.mktemp("pressing")
    data = copy_of_started(folder / "data")
    with Store.open(data) as store:
        store.keep_done(b"old", b"", wall_ms() - 60_000)
        store.keep_done(b"new", b"", wall_ms() + 600_000)
    with running_redis() as redis, Gateway(folder, data=data, workers=2, redis={"url": redis.url}) as running:
        yield running


@pytest.fixture
def office(gateway: Gateway) -> Iterator[Office]:
    with opened(gateway) as found:
        yield found


def press(session: Session, path: str, **fields: str) -> list[Reply]:
    """Until both workers have answered. Request ids begin with what is their process' own."""
    replies: list[Reply] = []
    deadline = time.monotonic() + 30
    with ThreadPoolExecutor(PRESSES) as hands:
        while len({(reply.header("x-request-id") or "")[:20] for reply in replies}) < 2:
            assert time.monotonic() < deadline, "one worker answers them all"
            replies += hands.map(lambda _: session.post(path, **fields), range(PRESSES))
    return replies


def test_money_is_moved_once(gateway: Gateway, office: Office) -> None:
    account_id = office.account()
    replies = press(
        Session(gateway), f"/admin/accounts/{account_id}/money", kind="top_up", amount_usd="5", note="", once="a"
    )
    assert {(reply.status, reply.header("location")) for reply in replies} == {
        (303, f"/admin/accounts/{account_id}/money?told=money_moved")
    }
    assert office.store.get_account(account_id).balance_nusd == 5_000_000_000
    assert len(office.store.ledger_page(account_id)) == 1


def test_one_key_is_made_and_shown_to_every_press(gateway: Gateway, office: Office) -> None:
    before = len(office.store.list_keys())
    replies = press(Session(gateway, token="another"), "/keys/new", name="pressed", once="a")
    secrets = [re.findall(rb"data-secret>(sk-\w+)<", reply.body) for reply in replies]
    assert secrets == [secrets[0]] * len(replies)
    assert len(secrets[0]) == 1
    assert len(office.store.list_keys()) == before + 1


def test_answers_that_have_expired_are_deleted(office: Office) -> None:
    assert until(lambda: office.store.find_done(b"old", 0) is None, 30)
    assert office.store.find_done(b"new", 0) is not None
