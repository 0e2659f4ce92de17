"""The vault: what is kept for a call is found again, for a while, by its tenant alone; the store holds it encrypted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

import pytest

from torouter.accounts import Cipher
from torouter.canon.blocks import ToolCallBlock
from torouter.canon.capsule import Tenant
from torouter.errors import StoreError
from torouter.relay.vault import Vault

TENANT, OTHER = Tenant(b"k" * 32), Tenant(b"l" * 32)
CALL = ToolCallBlock(id="c1", name="f", arguments='{"x": 1, "y": [2.0]}')


class Shelf:
    """A store in memory, and a clock."""

    def __init__(self) -> None:
        self.rows: dict[bytes, tuple[bytes, int]] = {}
        self.reads = 0
        self.now_ms = 1000
        self.fault: StoreError | None = None

    def read(self, keys: Sequence[bytes], now_ms: int) -> Mapping[bytes, tuple[bytes, int]]:
        self.reads += 1
        if self.fault:
            raise self.fault
        return {key: self.rows[key] for key in keys if key in self.rows and self.rows[key][1] > now_ms}

    def write(self, rows: Sequence[tuple[bytes, bytes, int]]) -> None:
        if self.fault:
            raise self.fault
        self.rows |= {key: (value, expires_ms) for key, value, expires_ms in rows}

    def tidy(self, now_ms: int) -> None:
        self.rows = {key: row for key, row in self.rows.items() if row[1] > now_ms}

    def vault(self, *, key: bytes = b"v" * 32, memory_bytes: int = 10_000) -> Vault:
        return Vault(
            cipher=Cipher(key, "vault"),
            ttl_s=60,
            memory_bytes=memory_bytes,
            read=self.read,
            write=self.write,
            tidy=self.tidy,
            now_ms=lambda: self.now_ms,
        )


async def written(vault: Vault) -> None:
    """What waits is written when the vault is closed."""
    task = asyncio.create_task(vault.run())
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_memory_knows_what_was_just_kept() -> None:
    shelf = Shelf()
    vault = shelf.vault()
    vault.keeper(TENANT)("c1", CALL.arguments, ("one", "two"))
    assert await vault.find(TENANT, [CALL]) == {"c1": ["one", "two"]}
    assert shelf.reads == 0


async def test_another_process_finds_it_in_the_store() -> None:
    shelf = Shelf()
    vault = shelf.vault()
    vault.keeper(TENANT)("c1", CALL.arguments, ("the secret state",))
    await written(vault)
    [(value, _)] = shelf.rows.values()
    assert b"secret" not in value
    other = shelf.vault()
    assert await other.find(TENANT, [CALL]) == {"c1": ["the secret state"]}
    assert await other.find(TENANT, [CALL]) == {"c1": ["the secret state"]}
    assert shelf.reads == 1


async def test_arguments_are_compared_by_what_they_mean() -> None:
    vault = Shelf().vault()
    vault.keeper(TENANT)("c1", CALL.arguments, ("one",))
    anew = ToolCallBlock(id="c1", name="f", arguments='{"y":[2.0],"x":1}')
    another = ToolCallBlock(id="c1", name="f", arguments='{"y":[2.0],"x":2}')
    assert await vault.find(TENANT, [anew]) == {"c1": ["one"]}
    assert await vault.find(TENANT, [another]) == {}


@pytest.mark.parametrize(
    ("upstream", "client"),
    [('{"input":"ls -l"}', "ls -l"), ('{"value":[1,2]}', "[1, 2]"), ('{"input": "[1]"}', "[1]"), ("{}", "")],
)
async def test_the_object_around_a_text_or_a_value_says_nothing(upstream: str, client: str) -> None:
    """A custom call is a function's at its upstream, and free text at its client."""
    vault = Shelf().vault()
    vault.keeper(TENANT)("c1", upstream, ("one",))
    call = ToolCallBlock(id="c1", name="f", arguments=client)
    assert await vault.find(TENANT, [call]) == {"c1": ["one"]}


async def test_nobody_else_finds_it() -> None:
    shelf = Shelf()
    vault = shelf.vault()
    vault.keeper(TENANT)("c1", CALL.arguments, ("one",))
    await written(vault)
    assert await vault.find(OTHER, [CALL]) == {}
    assert await shelf.vault(key=b"w" * 32).find(TENANT, [CALL]) == {}


async def test_it_expires() -> None:
    shelf = Shelf()
    vault = shelf.vault()
    vault.keeper(TENANT)("c1", CALL.arguments, ("one",))
    await written(vault)
    shelf.now_ms += 60_000
    assert await vault.find(TENANT, [CALL]) == {}


async def test_what_is_not_known_is_asked_for_once_in_a_while() -> None:
    shelf = Shelf()
    vault = shelf.vault()
    for _ in range(5):
        assert await vault.find(TENANT, [CALL]) == {}
    assert shelf.reads == 1
    shelf.now_ms += 60_000
    assert await vault.find(TENANT, [CALL]) == {}
    assert shelf.reads == 2


async def test_a_call_that_is_known_to_have_none_is_not_looked_up() -> None:
    shelf = Shelf()
    vault = shelf.vault()
    vault.keeper(TENANT)("c1", CALL.arguments, ())
    assert await vault.find(TENANT, [CALL]) == {}
    await written(vault)
    assert (shelf.reads, shelf.rows) == (0, {})


async def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    shelf = Shelf()
    vault = shelf.vault(memory_bytes=3000)
    for number in range(20):
        vault.keeper(TENANT)(f"c{number}", "{}", ("x" * 500,))
    calls = [ToolCallBlock(id=f"c{number}", name="f", arguments="{}") for number in range(20)]
    assert set(await vault.find(TENANT, calls[-4:])) == {"c16", "c17", "c18", "c19"}
    assert shelf.reads == 0
    assert await vault.find(TENANT, calls[:1]) == {}
    assert shelf.reads == 1
    await written(vault)
    assert len(shelf.rows) == 20
    assert set(await shelf.vault(memory_bytes=3000).find(TENANT, calls)) == {call.id for call in calls}


async def test_a_store_that_fails_costs_the_state_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    vault = shelf.vault()
    shelf.fault = StoreError("the disk is gone")
    vault.keeper(TENANT)("c1", CALL.arguments, ("one",))
    await written(vault)
    assert await shelf.vault().find(TENANT, [CALL]) == {}
    assert await vault.find(TENANT, [CALL]) == {"c1": ["one"]}
    assert caplog.text.count("the disk is gone") == 2
    shelf.fault = None
    await written(vault)
    assert len(shelf.rows) == 1
