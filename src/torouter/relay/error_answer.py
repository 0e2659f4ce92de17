"""An upstream's error answer, read."""

from __future__ import annotations

from typing import Final

from torouter.codecs import Codec
from torouter.errors import UpstreamError
from torouter.wire.upstream import Response

__all__ = ["read_error_answer"]

_ERROR_BODY_LIMIT_BYTES: Final = 1024 * 1024


async def read_error_answer(codec: Codec, response: Response) -> UpstreamError:
    """What it says, as an exception to raise. Raises one itself where the body does not come whole."""
    body = response.body
    if body is None:
        body = await response.read(_ERROR_BODY_LIMIT_BYTES)
    fault = codec.read_error(response.status, body)
    return UpstreamError(
        fault.message,
        phase="head",
        upstream_status=response.status,
        body=body,
        kind=fault.kind,
        code=fault.code,
        param=fault.param,
        retry_after_s=_retry_after_s(response) if fault.retry_after_s is None else fault.retry_after_s,
    )


def _retry_after_s(response: Response) -> float | None:
    """The number form of `Retry-After` only: providers send no dates."""
    try:
        return float(response.header(b"retry-after"))
    except ValueError:
        return None
