"""An upstream's error answer, read."""

from __future__ import annotations

import zlib
from typing import Final

from torouter.codecs import Codec
from torouter.errors import Phase, UpstreamError
from torouter.relay.retry_after import retry_after_s
from torouter.wire.upstream import Response

__all__ = ["read_error_answer"]

_ERROR_BODY_LIMIT_BYTES: Final = 1024 * 1024
_PLAIN: Final = (b"", b"identity")
_EITHER: Final = 32 + zlib.MAX_WBITS
"""gzip or deflate, by its first bytes."""


async def read_error_answer(codec: Codec, response: Response) -> UpstreamError:
    """What it says, as an exception to raise. Where its body does not come whole, its status says it, and the phase is
    `body`: there is nothing that could be given as it came."""
    phase: Phase = "head"
    body = response.body
    if body is None:
        try:
            body = await response.read(_ERROR_BODY_LIMIT_BYTES)
        except UpstreamError:
            body, phase = b"", "body"
    fault = codec.read_error(response.status, _unpacked(body, response.header(b"content-encoding")))
    return UpstreamError(
        fault.message,
        phase=phase,
        upstream_status=response.status,
        body=body,
        kind=fault.kind,
        code=fault.code,
        param=fault.param,
        retry_after_s=retry_after_s(response) if fault.retry_after_s is None else fault.retry_after_s,
    )


def _unpacked(body: bytes, coding: bytes) -> bytes:
    """Some upstreams, and what stands in front of them, compress although asked not to."""
    if coding in _PLAIN:
        return body
    try:
        return zlib.decompressobj(_EITHER).decompress(body, _ERROR_BODY_LIMIT_BYTES)
    except zlib.error:
        return b""  # in a coding that nobody here reads
