"""A gateway that is killed again and again under load: whatever a client has read whole is on its bill, once."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.gateway import Gateway
from tests.live.office import RATES, opened
from tests.live.slots import channels_to
from tests.live.upstream import EVENT_STREAM, Answer, Upstream, json_answer
from tests.live.wire import request
from tests.relay.answers import INPUT, OUTPUT, frames_of, whole
from torouter.units import Dialect

CRASHES = 60
CLIENTS = 6
COST_NUSD = INPUT * 1000 + OUTPUT * 2000
CREDIT_NUSD = 10**15
UPSTREAMS: tuple[Dialect, ...] = ("openai-chat", "anthropic")
REQUESTS: list[tuple[Dialect, Dialect, bool]] = [
    (client, upstream, stream)
    for client, upstream in (("openai-chat", "openai-chat"), ("anthropic", "anthropic"), ("openai-chat", "anthropic"))
    for stream in (True, False)
]
"""Client's dialect, upstream's, and whether its answer is a stream."""


@dataclass
class Seen:
    """Ids of requests whose answers came whole, by key; and how often a client was cut off or not let in."""

    whole: dict[str, list[str]]
    broken: int = 0


@pytest.fixture
def gateway(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    models = {}
    for dialect in UPSTREAMS:
        models[dialect] = {f"{dialect}-{word}": f"crash.{dialect}.{word}" for word in ("stream", "whole")}
        stream = Answer(headers=EVENT_STREAM, pieces=tuple(frames_of(dialect)), framing="chunked", pace_s=0.0005)
        upstream.script(f"crash.{dialect}.stream", stream)
        upstream.script(f"crash.{dialect}.whole", json_answer(whole(dialect)))
    running = Gateway(tmp_path, channels=channels_to(upstream, models))
    yield running
    running.kill()


async def read_whole(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status and request id of an answer that comes to its end. Raises `IncompleteReadError` for any other."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in head[1:] if line)
    if "content-length" in fields:
        await reader.readexactly(int(fields["content-length"]))
    else:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return int(head[0].split()[1]), fields["x-request-id"]


async def be_client(gateway: Gateway, key: str, seen: Seen, draw: random.Random) -> None:
    """Asks one thing after the other until cancelled, and begins anew whenever the gateway dies."""
    while True:
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            while True:
                client, upstream, stream = draw.choice(REQUESTS)
                caller, model = CALLERS[client], f"{upstream}-{'stream' if stream else 'whole'}"
                body = caller.encode(model, stream=stream)
                target = caller.target(model, stream=stream)
                writer.write(request("POST", target, (*bearer(key), JSON_TYPE), body))
                status, request_id = await read_whole(reader)
                assert status == 200, status
                seen.whole[key].append(request_id)
        except (OSError, asyncio.IncompleteReadError):
            seen.broken += 1
            await asyncio.sleep(0.01)
        finally:
            if writer is not None:
                writer.transport.abort()


async def crash(gateway: Gateway, keys: list[str], draw: random.Random) -> Seen:
    """Kills and starts the gateway while clients ask; sometimes before it serves again."""
    seen = Seen({key: [] for key in keys})
    clients = [
        asyncio.create_task(be_client(gateway, keys[number % len(keys)], seen, random.Random(draw.random())))
        for number in range(CLIENTS)
    ]
    for _ in range(CRASHES):
        if draw.random() < 0.8:
            await asyncio.to_thread(gateway.await_ready)
            await asyncio.sleep(draw.uniform(0.02, 0.6))
        else:
            await asyncio.sleep(draw.uniform(0.0, 0.3))
        await asyncio.to_thread(gateway.kill)
        await asyncio.to_thread(gateway.begin)
    await asyncio.to_thread(gateway.await_ready)
    await asyncio.sleep(0.3)
    for client in clients:
        client.cancel()
    for result in await asyncio.gather(*clients, return_exceptions=True):
        assert isinstance(result, asyncio.CancelledError), result
    return seen


def test_no_bill_is_lost_and_none_is_written_twice(gateway: Gateway) -> None:
    draw = random.Random(4)
    gateway.start()
    with opened(gateway) as office:
        account_id = office.account(CREDIT_NUSD)
        keys = {text: row.id for text, row in (office.key(account_id) for _ in range(2))}
        office.edit(lambda store: store.add_price("*", "", 0, RATES, ""))
    seen = asyncio.run(crash(gateway, list(keys), draw))
    assert gateway.stop() == 0
    with suppress(FileNotFoundError):
        assert os.listdir(gateway.data / "journal") == []

    with closing(sqlite3.connect(gateway.data / "torouter.db")) as database:
        rows = database.execute("SELECT request_id, key_id, status, quality, cost_nusd FROM usage").fetchall()
        attempts = database.execute(
            "SELECT request_id, sum(amount_nusd) FROM ledger WHERE kind = 'attempt' GROUP BY request_id"
        ).fetchall()
        account = "SELECT credited_nusd, charged_nusd FROM accounts WHERE id = ?"
        [(credited_nusd, charged_nusd)] = database.execute(account, (account_id,)).fetchall()
        [(moved_nusd,)] = database.execute("SELECT sum(amount_nusd) FROM ledger WHERE account_id = ?", (account_id,))
        spent = dict(database.execute("SELECT id, spent_nusd FROM keys").fetchall())
        sums = [
            database.execute(f"SELECT sum(requests), sum(cost_nusd) FROM {table}").fetchone()
            for table in ("usage_hours", "usage_days")
        ]
    times = Counter(row[0] for row in rows)
    assert [request_id for request_id, count in times.items() if count > 1] == [], "a request is on record twice"
    by_id = {row[0]: row for row in rows}
    charges = dict(attempts)
    for key, request_ids in seen.whole.items():
        assert len(request_ids) > 2 * CRASHES
        for request_id in request_ids:
            assert request_id in by_id, f"{request_id} was answered whole and is not on record"
            assert by_id[request_id][1:] == (keys[key], 200, "reported", COST_NUSD)
            assert charges[request_id] == -COST_NUSD
    assert {request_id: -amount for request_id, amount in attempts} == {
        row[0]: row[4] for row in rows if row[0] in charges
    }
    total_nusd = sum(row[4] for row in rows)
    assert (credited_nusd, charged_nusd) == (CREDIT_NUSD, total_nusd)
    assert credited_nusd - charged_nusd == moved_nusd
    for key_id in keys.values():
        assert spent[key_id] == sum(row[4] for row in rows if row[1] == key_id)
    assert sums == [(len(rows), total_nusd)] * 2
    assert seen.broken > CRASHES // 2
