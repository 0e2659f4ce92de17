"""Limits under many calls at once: on one process, on several, and on replicas with a database between them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.live.sites import COST_NUSD, MODEL, Site, answer, site
from tests.live.upstream import Upstream
from tests.servers.postgres import running_server
from torouter.units import wall_ms

pytestmark = pytest.mark.alone

CALLS = 200


@pytest.fixture(
    scope="module", params=["one process", "four processes", "two replicas"], ids=lambda name: name.replace(" ", "-")
)
def placed(
    request: pytest.FixtureRequest, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("caps")
    forms = {
        "one process": site(folder, upstream),
        "four processes": site(folder, upstream, workers=4),
        "two replicas": site(folder, upstream, replicas=2, postgres=running_server()),
    }
    with forms[request.param] as found:
        yield found


@pytest.mark.parametrize("limited", ["cap", "balance", "plan"])
@pytest.mark.parametrize("is_strict", [False, True], ids=["default", "strict"])
def test_many_at_once_against_a_limit_worth_three(
    placed: Site, upstream: Upstream, limited: str, is_strict: bool
) -> None:
    """By default the call that crosses the limit may pass it, and nobody behind it: what calls are expected to cost is
    held. Strict never passes it. A worst case is dearer than what comes of it, so for that the limit is worth ten."""
    upstream.script(f"up.{MODEL}", answer(delay_s=1.0))
    office, limit_nusd = placed.office, (10 if is_strict else 3) * COST_NUSD
    account_id = office.account(limit_nusd if limited == "balance" else 1000 * COST_NUSD)
    group = office.group(billing="subscription") if limited == "plan" else "default"
    if limited == "plan":
        plan_id = office.plan(daily_nusd=limit_nusd, weekly_nusd=0, monthly_nusd=2 * limit_nusd)
        group_id = office.store.get_group(group).id
        office.store.set_subscription(account_id, group_id, plan_id, "active", wall_ms() - 1000, None)
    caps = {"cap_nusd": limit_nusd} if limited == "cap" else {}
    key, row = office.key(account_id, group, is_strict=is_strict, **caps)
    office.settle()

    told = placed.at_once(key, CALLS)

    refusal = 402 if limited == "balance" else 429
    assert told.keys() == {200, refusal}
    spent_nusd = told[200] * COST_NUSD
    if is_strict:
        assert spent_nusd <= limit_nusd
    else:
        assert limit_nusd <= spent_nusd <= limit_nusd + COST_NUSD
        assert placed.ask(key) == refusal
    assert len(upstream.visits(f"up.{MODEL}")) == told[200]
    placed.assert_books(row.id, account_id, told[200], is_on_balance=limited != "plan")


@pytest.mark.parametrize("placed", ["two replicas"], indirect=True)
def test_a_window_at_twice_its_limit_for_a_minute(placed: Site, upstream: Upstream) -> None:
    upstream.script(f"up.{MODEL}", answer())
    limit, threads, seconds = 600, 8, 60
    each = 2 * limit // threads
    key, _ = placed.office.key(rpm=limit)
    placed.office.settle()
    told: Counter[int] = Counter()
    lock, begun_s = threading.Lock(), time.monotonic()

    def calling(at: int) -> None:
        for number in range(each):
            due_s = begun_s + (number + at / threads) * seconds / each
            time.sleep(max(0.0, due_s - time.monotonic()))
            status = placed.ask(key, at)
            with lock:
                told[status] += 1

    callers = [threading.Thread(target=calling, args=(at,)) for at in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(120)
    assert told.keys() == {200, 429}
    assert sum(told.values()) == 2 * limit
    assert abs(told[200] - limit) <= limit // 100
