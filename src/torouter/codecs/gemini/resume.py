"""Going on after `CONTINUATION`, the limit of one request: the same request again, with the token that came with it.

Google's own SDK does it so, without being asked to (google-genai 3.4.0, seen 2026-11).
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from torouter.canon.fold import Answer

__all__ = ["resume"]

_LIMIT: Final = "maxOutputTokens"

_read_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def resume(body: bytes, paused: Answer) -> bytes | None:
    """The request that goes on from a paused answer to `body`; `None` where nothing can. The limit of tokens holds for
    all answers together."""
    token = b"" if paused.finish is None else paused.finish.details
    fields = _read_fields(body)
    config = _read_fields(fields.get("generationConfig", Raw(b"{}")))
    if not token:
        return None
    if _LIMIT in config:
        left_tokens = msgspec.json.decode(config[_LIMIT], type=int) - paused.usage.total_output_tokens
        if left_tokens <= 0:
            return None
        config[_LIMIT] = Raw(b"%d" % left_tokens)
        fields["generationConfig"] = Raw(msgspec.json.encode(config))
    return msgspec.json.encode({**fields, "continuationToken": Raw(token)})
