"""The four wire dialects, a folder each; pure: no sockets, no clock, no randomness.

- Bytes when we can: towards an upstream of the client's dialect a body leaves as it came, but for a closed list of
  edits, and an answer passes through while a tap watches it.
- Canon when we must: `translation` takes a request apart into a form of our own, and puts it together elsewhere.
- A dialect never imports another. What several share stands in this folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from torouter.codecs import anthropic, gemini, openai_chat, openai_responses
from torouter.codecs.answer_losses import answer_losses
from torouter.codecs.codec import (
    Amended,
    AnswerOptions,
    BrokenStream,
    ByteFilter,
    Ceiling,
    Codec,
    Counting,
    Decoder,
    Edits,
    Embedding,
    Encoded,
    Encoder,
    Framing,
    KeptForm,
    Peek,
    References,
    Resolved,
    Tap,
    Translation,
    UpstreamFault,
)
from torouter.codecs.early_error import early_error, error_within, is_plain, says_nothing
from torouter.codecs.faults import read_error
from torouter.codecs.frames import ElementCutter, FrameCutter, PieceTooLong
from torouter.codecs.opening import OPENING_BYTES, Opening
from torouter.units import Dialect

__all__ = [
    "CODECS",
    "OPENING_BYTES",
    "Amended",
    "AnswerOptions",
    "BrokenStream",
    "ByteFilter",
    "Ceiling",
    "Codec",
    "Counting",
    "Decoder",
    "Edits",
    "ElementCutter",
    "Embedding",
    "Encoded",
    "Encoder",
    "FrameCutter",
    "Framing",
    "KeptForm",
    "Opening",
    "Peek",
    "PieceTooLong",
    "References",
    "Resolved",
    "Tap",
    "Translation",
    "UpstreamFault",
    "answer_losses",
    "early_error",
    "error_within",
    "is_plain",
    "read_error",
    "says_nothing",
]

CODECS: Final[Mapping[Dialect, Codec]] = MappingProxyType(
    {codec.dialect: codec for codec in (openai_chat.CODEC, openai_responses.CODEC, anthropic.CODEC, gemini.CODEC)}
)
