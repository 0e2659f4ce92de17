"""Going on after `pause_turn`: the same request again, behind it what the model has said so far, to the letter.

What was paused is a turn of tools that Anthropic's own servers run. A turn that waits for a result of the caller's is
none. (Guide to stop reasons, seen 2026-11.)
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from torouter.canon.blocks import TextBlock, ToolCallBlock
from torouter.canon.fold import Answer
from torouter.codecs.anthropic.home import encode_block

__all__ = ["resume"]


class _Thinking(msgspec.Struct):
    budget_tokens: int = 0


class _Body(msgspec.Struct):
    messages: list[Raw]
    max_tokens: int = 0
    thinking: _Thinking | None = None


_read = msgspec.json.Decoder(_Body).decode
_read_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def resume(body: bytes, paused: Answer) -> bytes | None:
    """The request that goes on from a paused answer to `body`; `None` where nothing can. The limit of tokens holds for
    all answers together."""
    asked = _read(body)
    left_tokens = asked.max_tokens - paused.usage.total_output_tokens
    budget_tokens = asked.thinking.budget_tokens if asked.thinking is not None else 0
    said = [block for block in paused.blocks if not isinstance(block, TextBlock) or block.text.strip()]
    if not said or left_tokens <= budget_tokens or any(isinstance(block, ToolCallBlock) for block in said):
        return None
    turn = {"role": "assistant", "content": [encode_block(block) for block in said]}
    changed = {"max_tokens": left_tokens, "messages": [*asked.messages, turn]}
    return msgspec.json.encode({**_read_fields(body), **changed})
