"""OpenAI Chat Completions, and the other operations of the OpenAI API that share its errors and its model field."""

from __future__ import annotations

from typing import Final

from torouter.codecs.codec import Codec
from torouter.codecs.faults import read_error
from torouter.codecs.openai_chat.amend import amend
from torouter.codecs.openai_chat.ceiling import ceiling
from torouter.codecs.openai_chat.embeddings import EMBEDDING
from torouter.codecs.openai_chat.errors import render_stream_error
from torouter.codecs.openai_chat.opening import opens
from torouter.codecs.openai_chat.peek import peek
from torouter.codecs.openai_chat.tap import tap
from torouter.codecs.openai_chat.translation import TRANSLATION
from torouter.codecs.openai_chat.withhold import UsageFilter
from torouter.codecs.openai_errors import render_openai_error

__all__ = ["CODEC"]

CODEC: Final = Codec(
    dialect="openai-chat",
    peek=peek,
    ceiling=ceiling,
    amend=amend,
    tap=tap,
    opens=opens,
    render_error=render_openai_error,
    render_stream_error=render_stream_error,
    read_error=read_error,
    withhold_usage=UsageFilter,
    translation=TRANSLATION,
    embedding=EMBEDDING,
)
