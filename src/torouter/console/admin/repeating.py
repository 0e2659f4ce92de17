"""A `POST` that may be repeated when its answer was lost: the client names it, and under one name it is done once.

The header is that of draft-ietf-httpapi-idempotency-key-header, whose value many clients send without quotes: any
text is a name, with whatever stands around it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec
from starlette.requests import Request

from torouter.accounts.office.once import do_once
from torouter.console.admin.call import Call, Endpoint
from torouter.console.admin.reading import read_text
from torouter.errors import RequestError

__all__ = ["HEADER", "handle_once", "read_name"]

HEADER: Final = "Idempotency-Key"

_KEEP_MS: Final = 24 * 60 * 60 * 1000
_HASH_BYTES: Final = 32


class _Done(msgspec.Struct, frozen=True, kw_only=True):
    """`asked` is a hash of the body. `data` is given as it was: an update of the gateway in between does not matter."""

    asked: bytes
    data: msgspec.Raw


def read_name(request: Request) -> str | None:
    """Raises `RequestError`."""
    name = request.headers.get(HEADER)
    return None if name is None else read_text(name, HEADER)


def handle_once(endpoint: Endpoint, call: Call, name: str) -> msgspec.Raw:
    """What is under `data` in the answer; the same when this is called again with the same by the same caller. Raises
    `RequestError` for a name that was given to something else."""
    asked = blake2b(msgspec.json.encode(call.body), digest_size=_HASH_BYTES).digest()

    def work() -> _Done:
        return _Done(asked=asked, data=msgspec.Raw(msgspec.json.encode(endpoint.handle(call))))

    done = do_once(call.desk, [endpoint.name, str(call.target), str(call.part), name], _Done, _KEEP_MS, work)
    if done.asked != asked:
        raise RequestError(
            f"{HEADER}: it was sent before, with another body. Give each request its own.",
            status=422,
            code="idempotency_key_reused",
            param=HEADER,
        )
    return done.data
