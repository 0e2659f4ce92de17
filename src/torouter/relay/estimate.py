"""What a prompt weighs where nobody can be asked: its texts, by the tokenizer, and what has none, by rule of thumb.

Every model has a tokenizer and a template of its own, so this is an estimate, and an answer that holds one says so.
`docs/counting.md` has how far it was off for recorded requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from torouter.canon.blocks import (
    Block,
    InlineMedia,
    MediaBlock,
    MediaKind,
    OpaqueBlock,
    PlainText,
    ReasoningBlock,
    RefusalBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.request import ChatRequest, Tool, VendorTool

__all__ = ["BYTES_PER_TEXT_TOKEN", "Prompt", "prompt_of", "rough_tokens", "rough_tokens_of", "size_bytes"]

_PRIMING: Final = 3
_PER_MESSAGE: Final = 4
_PER_CALL: Final = 8
_PER_TOOL: Final = 8
_TOOL_INSTRUCTIONS: Final = 100
"""What a template says of tools as such: next to nothing for OpenAI's, Mistral's and Google's models, 150 to 500 tokens
for DeepSeek's, Qwen's and Anthropic's (from the recordings)."""

_LEAST: Final[Mapping[MediaKind, int]] = {"image": 800, "document": 1500, "audio": 100, "video": 1500}
"""An image of a megapixel is 765 tokens for OpenAI, 1400 for Anthropic, 258 to 1100 for Google; a page 1500 to 3000
(their documentation, seen 2026-11)."""
_BYTES_PER_TOKEN: Final[Mapping[MediaKind, int]] = {"document": 50, "audio": 500, "video": 400}
"""Of an inline medium, where size says how long it is: 50 kB are about a page, MP3 runs at 16 kB/s, video at 120 kB/s,
and Google counts 32 and 290 tokens a second. Images are scaled down, so their size says nothing."""


BYTES_PER_TEXT_TOKEN: Final = 4
"""Of UTF-8: English prose has 4.5, code and JSON 3 to 4, and Chinese, of three bytes a sign, about as many."""


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """`texts` are to be counted; `extra_tokens` is all else: framing of messages and tools, and media."""

    texts: tuple[str, ...]
    extra_tokens: int


def prompt_of(request: ChatRequest) -> Prompt:
    texts: list[str] = []
    extra = _PRIMING + _PER_MESSAGE * len(request.messages) + (_TOOL_INSTRUCTIONS if request.tools else 0)
    for message in request.messages:
        for block in message.blocks:
            texts += _texts(block)
            extra += _extra_tokens(block)
    for tool in request.tools:
        texts += _definition(tool)
        extra += _PER_TOOL
    if request.output is not None and request.output.schema is not None:
        texts.append(request.output.schema.decode())
    return Prompt(texts=tuple(text for text in texts if text), extra_tokens=extra)


def rough_tokens(request: ChatRequest) -> int:
    """The same without the tokenizer, for those who cannot wait: the texts by their length."""
    prompt = prompt_of(request)
    return prompt.extra_tokens + sum(map(size_bytes, prompt.texts)) // BYTES_PER_TEXT_TOKEN


def rough_tokens_of(blocks: Iterable[Block]) -> int:
    """Of an answer, whose media is made and not read: only text counts."""
    return sum(size_bytes(text) for block in blocks for text in _texts(block)) // BYTES_PER_TEXT_TOKEN


def size_bytes(text: str) -> int:
    """In UTF-8; of a lone surrogate, as of any other sign of its plane."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _texts(block: Block) -> Iterator[str]:
    """What a model reads of a block. State that only its issuer can read (signatures) is not among it."""
    match block:
        case TextBlock() | RefusalBlock():
            yield block.text
        case ReasoningBlock():
            yield block.text
            yield from block.summary
        case ToolCallBlock():
            yield from (block.namespace or "", block.name, block.arguments)
        case ToolResultBlock():
            yield block.name or ""
            for inner in block.content:
                yield from _texts(inner)
        case MediaBlock():
            yield from (block.filename or "", block.title or "", block.context or "")
            if isinstance(block.source, PlainText):
                yield block.source.text
        case ServerToolBlock() | OpaqueBlock():
            yield block.raw.decode()


def _extra_tokens(block: Block) -> int:
    match block:
        case MediaBlock():
            return _media_tokens(block)
        case ToolCallBlock():
            return _PER_CALL
        case ToolResultBlock():
            return _PER_CALL + sum(map(_extra_tokens, block.content))
        case _:
            return 0


def _media_tokens(block: MediaBlock) -> int:
    if isinstance(block.source, PlainText):
        return 0
    least = _LEAST[block.kind]
    if not isinstance(block.source, InlineMedia) or block.kind not in _BYTES_PER_TOKEN:
        return least
    return max(least, len(block.source.data) * 3 // 4 // _BYTES_PER_TOKEN[block.kind])


def _definition(tool: Tool | VendorTool) -> Iterator[str]:
    if isinstance(tool, VendorTool):
        yield tool.raw.decode()
        return
    yield from (tool.namespace or "", tool.name, tool.description or "")
    yield from (raw.decode() for raw in (tool.schema, tool.grammar) if raw is not None)
