"""What a request used, where its upstream has not said so, or not all: told figures, completed by estimates.

- A whole answer's figures are taken as they were told. Upstreams that tell none (small servers do) are estimated.
- Of an answer that was cut, by whomever, what came is billed: the figures told until then, and for those that were not,
  the prompt by its length and the answer by the length of what came of it.
- An answer of which nothing has come is free, and so is one that was an error before anything was said.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from torouter.canon.events import PartDelta
from torouter.canon.usage import Usage
from torouter.codecs import CODECS, Codec, Framing
from torouter.errors import TorouterError
from torouter.relay.call import Call
from torouter.relay.delivery import Delivery
from torouter.relay.estimate import BYTES_PER_TEXT_TOKEN, rough_tokens, size_bytes
from torouter.units import Dialect

__all__ = ["SAMPLE_BYTES", "prompt_tokens", "reckoned", "streamed_tokens", "wasted"]

SAMPLE_BYTES: Final[dict[Framing, int]] = {"sse": 16 * 1024, "array": 16 * 1024, "whole": 64 * 1024 * 1024}
"""How much of an answer that is only passed on is held for an estimate. Whole bodies are held by their tap already."""
_STRING: Final = re.compile(rb'"((?>[^"\\]+|\\.)*)"?(\s*:)?', re.DOTALL)
_BLOB_BYTES: Final = 512
"""A longer string without a space is a picture, not a text (and if it is Chinese, it is not ASCII)."""
_ESCAPED: Final = b"\\u"
_ESCAPE_BYTES: Final = 3
"""By so many `\\u4e2d` is longer than the sign itself."""


def reckoned(told: Usage, delivery: Delivery, call: Call, dialect: Dialect, body: bytes, *, is_error: bool) -> Usage:
    """`told` is the delivery's, `dialect` the upstream's. `is_error`: the answer ended in an error."""
    if told.quality in ("reported", "estimated") or call.operation == "count_tokens" or delivery.first_byte_s is None:
        return told
    said = delivery.said_tokens()
    has_placeholder = _begins_with_figures(dialect)
    if is_error and not said and (has_placeholder or not told.total_output_tokens):
        return Usage()
    changes: dict[str, object] = {"quality": "partial" if told.quality == "partial" else "estimated"}
    if not told.total_input_tokens:
        changes["input_tokens"] = prompt_tokens(call, body)
    if told.quality == "none":
        changes["output_tokens"] = said
    elif has_placeholder:
        changes["output_tokens"] = max(told.output_tokens, said - told.reasoning_tokens)
    found = msgspec.structs.replace(told, **changes)
    return found if found.total_tokens else told


def wasted(delivery: Delivery | None, call: Call, dialect: Dialect, body: bytes) -> Usage:
    """Of an attempt that was given up: at least its prompt was read."""
    told = Usage() if delivery is None else delivery.usage()
    if delivery is not None:
        told = reckoned(told, delivery, call, dialect, body, is_error=False)
    if told.total_tokens:
        return told
    return Usage(input_tokens=prompt_tokens(call, body), quality="estimated")


def _begins_with_figures(dialect: Dialect) -> bool:
    """Its first event tells what goes in, and of what comes out only that it begins (Anthropic's: 1 to 8 tokens)."""
    translation = CODECS[dialect].translation
    return translation is not None and translation.begins_with_usage


def prompt_tokens(call: Call, body: bytes) -> int:
    """Of a request in its client's dialect. What cannot be taken apart is as long as its strings; bodies other than
    JSON (a recording that is to be written down) say nothing of their weight."""
    translation = call.codec.translation
    if call.operation == "chat" and translation is not None:
        try:
            return rough_tokens(translation.decode_request(body))
        except (TorouterError, msgspec.MsgspecError, UnicodeError, RecursionError):
            pass
    is_json = call.content_type.partition(b";")[0].strip().lower() == b"application/json"
    return _text_bytes(body) // BYTES_PER_TEXT_TOKEN if is_json else 0


def streamed_tokens(codec: Codec, framing: Framing, sample: bytes, seen_bytes: int) -> int:
    """About how many tokens an answer of so many bytes says, of which `sample` is the beginning. Nothing but lengths
    is looked at while it passes, so the share of text in the rest is taken to be the same."""
    if not sample:
        return 0
    text_bytes = _said_bytes(codec, framing, sample)
    if not text_bytes and framing == "whole":  # cut in its middle, so that it is no JSON
        text_bytes = _text_bytes(sample)
    return text_bytes * seen_bytes // (len(sample) * BYTES_PER_TEXT_TOKEN)


def _said_bytes(codec: Codec, framing: Framing, data: bytes) -> int:
    """Of text, reasoning and calls. A picture that a model has made is none of them."""
    if codec.translation is None:
        return 0
    decoder = codec.translation.decoder(framing)
    try:
        events = [*decoder.feed(data), *decoder.close()]
    except TorouterError:
        return 0
    return sum(size_bytes(event.text) for event in events if type(event) is PartDelta)


def _text_bytes(data: bytes) -> int:
    """Of the strings of a JSON document that need not be whole, without the names of fields."""
    total = 0
    for string, colon in _STRING.findall(data):
        is_blob = len(string) > _BLOB_BYTES and b" " not in string and string.isascii() and _ESCAPED not in string
        if not colon and not is_blob:
            total += len(string) - string.count(_ESCAPED) * _ESCAPE_BYTES
    return total
