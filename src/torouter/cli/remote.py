"""Asking a gateway that runs, through its management API: for what only it knows, or can do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from torouter.errors import ConfigError, TorouterError

if TYPE_CHECKING:
    import msgspec

__all__ = ["ask_gateway", "remote_options"]

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

_TOKEN_VARIABLE = "TOROUTER_ADMIN_TOKEN"  # noqa: S105
_ANSWER_BYTES = 16 * 1024 * 1024


def remote_options(what: str) -> Callable[[Command], Command]:
    """The gateway to ask, which is `what`, or the configuration where none is asked."""

    def add(command: Command) -> Command:
        command = click.option(
            "--config",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Without --url: the configuration file that names channels. [TOROUTER_CONFIG]",
        )(command)
        return click.option("--url", metavar="URL", help=f"{what}; {_TOKEN_VARIABLE} has the admin token.")(command)

    return add


def ask_gateway(url: str, path: str, asked: msgspec.Struct | None, kind: type[T], *, within_s: float = 15.0) -> T:
    """What is under `data` in its answer. `None`: it is a GET. Raises `TorouterError` with the gateway's own words."""
    import asyncio

    import msgspec

    from torouter.console.admin.shapes import Answer, ErrorBody

    status, body = asyncio.run(_send(url, path, asked, within_s))
    try:
        if status == 200:
            found: T = msgspec.json.decode(body, type=Answer[kind]).data  # type: ignore[valid-type]
            return found
        told = msgspec.json.decode(body, type=ErrorBody).error.message
    except msgspec.MsgspecError:
        told = f"it answered with status {status}"
    raise TorouterError(f"{url} did not answer: {told}")


async def _send(url: str, path: str, asked: msgspec.Struct | None, within_s: float) -> tuple[int, bytes]:
    import msgspec

    from torouter.channels.base_url import BaseUrl
    from torouter.wire.client import Client
    from torouter.wire.upstream import Deadlines, Request

    token = os.environ.get(_TOKEN_VARIABLE)
    if not token:
        raise ConfigError(
            f"{_TOKEN_VARIABLE} is not set: an admin token, of `torouter token create` or the operator's own."
        )
    base = BaseUrl.parse(url)
    target = f"{base.path}/admin/v1{path}".encode()
    method = b"GET" if asked is None else b"POST"
    head = (
        b"%b %b HTTP/1.1\r\nhost: %b\r\nauthorization: Bearer %b\r\ncontent-type: application/json\r\n"
        b"accept: application/json\r\n"
    ) % (method, target, base.host, token.encode("ascii", "replace"))
    deadlines = Deadlines(connect_s=5.0, head_s=within_s, idle_s=within_s)
    content = b"" if asked is None else msgspec.json.encode(asked)
    client = Client()
    try:
        response = await client.send(Request(base.origin, method, target, head, content, deadlines))
        body = await response.read(_ANSWER_BYTES)
        response.close()
    finally:
        await client.close()
    return response.status, body
