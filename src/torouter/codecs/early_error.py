"""An error in the place of an answer: some upstreams say 200, and then that they have failed.

It is looked for at the beginning only, and by its bytes first, because this is done for every answer that passes.
"""

from __future__ import annotations

import re
from typing import Final

from torouter.codecs.codec import UpstreamFault
from torouter.codecs.faults import read_error
from torouter.codecs.figures import decoded
from torouter.codecs.frames import FrameCutter, payload_of

__all__ = ["early_error"]

_LOOKED_AT_BYTES: Final = 96
_EVENT: Final = re.compile(rb"(?:event|data):")
_ERROR: Final = re.compile(rb'\s*\[?\s*\{\s*"(?:error|type)"')


def early_error(data: bytes) -> UpstreamFault | None:
    """The error that an answer of status 200 begins with, in any dialect's form, or `None`."""
    if data.find(b'"error"', 0, _LOOKED_AT_BYTES) < 0:
        return None
    if _EVENT.match(data):
        frames = FrameCutter().feed(data)
        data = payload_of(frames[0] if frames else data)
    if not _ERROR.match(data):
        return None
    said = decoded(data)
    if isinstance(said, list) and said:
        said = said[0]
    is_error = isinstance(said, dict) and (said.get("type") == "error" or bool(said.get("error")))
    return read_error(200, data) if is_error else None
