"""Gateways as operators run them: one process, several workers, several replicas; one store and one office for all."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.gateway import Gateway
from tests.live.office import RATES, Office, opened
from tests.live.upstream import Answer, Upstream, json_answer
from tests.live.wire import Connection
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer, running_redis
from torouter.store import UsageFilter

__all__ = ["COST_NUSD", "INPUT_TOKENS", "MODEL", "OUTPUT_TOKENS", "Load", "Site", "answer", "site"]

MODEL = "priced"
INPUT_TOKENS, OUTPUT_TOKENS = 10, 1000
COST_NUSD = INPUT_TOKENS * 1_000 + OUTPUT_TOKENS * 2_000
"""Of one call, by `RATES`."""


def answer(delay_s: float = 0.0) -> Answer:
    usage = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": 0}
    message = {"role": "assistant", "content": "hello"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL, "choices": choices, "usage": usage}
    return replace(json_answer(body), delay_s=delay_s)


@dataclass(frozen=True)
class Site:
    gateways: Sequence[Gateway]
    office: Office
    upstream: Upstream
    redis: RedisServer | None = None
    postgres: PostgresServer | None = None

    def ask(self, key: str, at: int = 0) -> int:
        """The status of a call that can cost no more than `COST_NUSD`, and a little for its prompt."""
        gateway, caller = self.gateways[at % len(self.gateways)], CALLERS["openai-chat"]
        body = caller.encode(MODEL, max_tokens=OUTPUT_TOKENS)
        with Connection(gateway.port, timeout_s=60) as connection:
            return connection.ask("POST", caller.target(MODEL), (*bearer(key), JSON_TYPE), body).status

    def at_once(self, key: str, count: int) -> Counter[int]:
        """The statuses of so many calls that begin in the same moment, spread over the gateways."""
        told: list[int] = []
        gate = threading.Barrier(count)

        def one(at: int) -> None:
            gate.wait(30)
            told.append(self.ask(key, at))

        threads = [threading.Thread(target=one, args=(at,)) for at in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(told) == count
        return Counter(told)

    def assert_books(self, key_id: int, account_id: int, answered: int, *, is_on_balance: bool = True) -> None:
        """So many good answers, each on record once, and every sum the same to the nano-dollar. `is_on_balance`: the
        account paid, and not a plan."""
        store, wanted = self.office.store, UsageFilter(key_id=key_id, status=200)
        deadline = time.monotonic() + 20
        while store.usage_totals(wanted).requests < answered and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)  # one that is written twice would come now
        totals = store.usage_totals(wanted)
        assert (totals.requests, totals.cost_nusd) == (answered, answered * COST_NUSD)
        key, account = store.get_key(key_id), store.get_account(account_id)
        assert key.spent_nusd == answered * COST_NUSD
        assert account.charged_nusd == (key.spent_nusd if is_on_balance else 0)
        assert account.balance_nusd == sum(each.row.amount_nusd for each in self._ledger_of(account_id))

    def _ledger_of(self, account_id: int) -> Iterator[Any]:
        before: int | None = None
        while page := self.office.store.ledger_page(account_id, before_id=before, limit=500):
            yield from page
            before = page[-1].id


class Load:
    """Calls by several threads, one after the other each, until `end`."""

    def __init__(self, site: Site, key: str, threads: int = 6) -> None:
        self.statuses: Counter[int] = Counter()
        self._site = site
        self._key = key
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(at,)) for at in range(threads)]

    def start(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def during(self, seconds: float) -> Counter[int]:
        """What was answered within so long from now."""
        with self._lock:
            before = Counter(self.statuses)
        time.sleep(seconds)
        with self._lock:
            return self.statuses - before

    def end(self) -> Counter[int]:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)
        return self.statuses

    def _run(self, at: int) -> None:
        while not self._is_over.is_set():
            status = self._site.ask(self._key, at)
            with self._lock:
                self.statuses[status] += 1
            time.sleep(0.02)


@contextmanager
def site(
    folder: Path,
    upstream: Upstream,
    *,
    workers: int = 1,
    replicas: int = 1,
    postgres: PostgresServer | None = None,
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> Iterator[Site]:
    """With several workers or replicas, a Redis of its own."""
    channel = {
        "name": "up",
        "kind": "openai",
        "base_url": f"{upstream.origin}/v1",
        "api_key": "k",
        "dialects": ["openai-chat"],
        "models": {MODEL: f"up.{MODEL}"},
    }
    with ExitStack() as stack:
        told: dict[str, Mapping[str, object]] = dict(settings or {})
        redis = database = None
        if workers > 1 or replicas > 1:
            redis = stack.enter_context(running_redis(append=True))
            told["redis"] = {**told.get("redis", {}), "url": redis.url}
        if postgres is not None:
            database = stack.enter_context(postgres.database())
            told["store"] = {**told.get("store", {}), "database": database.reveal()}
        # Replicas have the pepper in common, and each a directory of its own where the store does not lie in it.
        secret = {"TOROUTER_SECRET": "11" * 32}
        gateways = []
        for number in range(replicas):
            data = None if postgres is not None or number == 0 else gateways[0].data
            gateway = Gateway(
                folder / f"replica-{number}", channels=[channel], workers=workers, environment=secret, data=data, **told
            )
            gateways.append(stack.enter_context(gateway))
        office = stack.enter_context(opened(gateways[0], database, secret))
        office.edit(lambda store: store.add_price(MODEL, "", 0, RATES, ""))
        yield Site(gateways, office, upstream, redis, postgres)
