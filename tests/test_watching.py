"""The file that a gateway serves with, followed: what is in force, what is refused, and what the log says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from torouter.config import ChannelSettings, Overrides, Watching, load_settings
from torouter.errors import ConfigError
from torouter.routing.fallbacks import Fallbacks

ENVIRON = {"HOME": "/home/me", "KEY": "hunter2"}
FIRST = "channels:\n  - {name: a, kind: vllm}\n"
LOOK_S = 0.005


class Declared:
    """What `set_file_channels` was told."""

    def __init__(self) -> None:
        self.names: list[list[str]] = []
        self.fallbacks: Mapping[str, Fallbacks] = {}
        self.refusal: ConfigError | None = None

    def __call__(self, channels: tuple[ChannelSettings, ...], fallbacks: Mapping[str, Fallbacks]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.names.append([channel.name for channel in channels])
        self.fallbacks = fallbacks


@pytest.fixture
def file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    caplog.set_level(logging.INFO, "torouter")
    path = tmp_path / "gateway.yaml"
    path.write_text(FIRST)
    return path


@asynccontextmanager
async def watching(file: Path, declared: Declared) -> AsyncIterator[None]:
    running = load_settings(Overrides(config=file), ENVIRON)
    task = asyncio.create_task(Watching(file, ENVIRON, running, declared, LOOK_S).run())
    await asyncio.sleep(20 * LOOK_S)
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def put(file: Path, text: str) -> None:
    """At once: what is found half-written would be a change of its own."""
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.replace(file)


def append(file: Path, text: str) -> None:
    with file.open("a") as writer:
        writer.write(text)


def remove(file: Path) -> None:
    file.unlink()


async def until(said: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    """The log once it has that."""
    async with asyncio.timeout(10):
        while said not in caplog.text:
            await asyncio.sleep(LOOK_S)
    return [record.getMessage() for record in caplog.records]


async def test_a_change_is_in_force_at_once_and_whole(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    declared = Declared()
    async with watching(file, declared):
        assert declared.names == []
        put(
            file,
            "channels: [{name: b, kind: vllm, api_key: env:KEY}, {name: c, kind: ollama}]\n"
            "fallbacks: {x: {outage: [y]}}\n",
        )
        log = await until("configuration in force", caplog)
    assert declared.names == [["b", "c"]]
    assert declared.fallbacks == {"x": Fallbacks(outage=("y",))}
    assert log == [f"configuration in force file={file} channels=2"]


async def test_a_file_that_is_written_in_place_is_a_change(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    declared = Declared()
    async with watching(file, declared):
        append(file, "  - {name: z, kind: ollama}\n")
        await until("channels=2", caplog)
    assert declared.names == [["a", "z"]]


async def test_a_fault_changes_nothing_until_it_is_mended(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    declared = Declared()
    async with watching(file, declared):
        put(file, "channels:\n  - {name: b, kind: vllm}\n  - {name: c, kind: vlm, api_key: hunter2}\nx: 1\n")
        log = await until("unknown key 'x'", caplog)
        assert declared.names == []
        assert log[0].startswith(
            f"configuration refused, nothing is changed: {file}:3: channels[1].kind: expected one of openai"
        )
        assert log[1].startswith(f"configuration refused, nothing is changed: {file}:4: unknown key 'x'")
        assert "hunter2" not in caplog.text
        put(file, "channels: [{name: b, kind: vllm}]\n")
        await until("configuration in force", caplog)
    assert declared.names == [["b"]]


async def test_a_file_that_is_gone_changes_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    declared = Declared()
    async with watching(file, declared):
        remove(file)
        log = await until("cannot be read", caplog)
    assert log == [f"configuration refused, nothing is changed: {file}: cannot be read: No such file or directory"]
    assert declared.names == []


async def test_what_needs_a_restart_is_named(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    declared = Declared()
    async with watching(file, declared):
        put(file, FIRST + "server: {port: 9}\nupstream: {idle_s: 5}\n")
        log = await until("needs a restart", caplog)
        assert log == ["configuration changed where it needs a restart sections=server,upstream"]
        put(file, FIRST.replace("a,", "z,") + "server: {port: 9}\nupstream: {idle_s: 5}\n")
        log = await until("configuration in force", caplog)
    assert len(log) == 2
    assert declared.names == [["z"]]


async def test_what_cannot_be_opened_is_refused(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    declared = Declared()
    declared.refusal = ConfigError("channel b: no")
    async with watching(file, declared):
        put(file, FIRST.replace("a,", "b,"))
        await until("configuration refused, nothing is changed: channel b: no", caplog)
        declared.refusal = None
        put(file, FIRST.replace("a,", "b,") + "# again\n")
        await until("configuration in force", caplog)
    assert declared.names == [["b"]]
