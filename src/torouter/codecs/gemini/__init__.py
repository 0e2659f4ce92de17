"""Google Gemini, `generateContent` and its kin."""

from __future__ import annotations

from typing import Final

from torouter.codecs.codec import Codec
from torouter.codecs.faults import read_error
from torouter.codecs.gemini.amend import amend
from torouter.codecs.gemini.ceiling import ceiling
from torouter.codecs.gemini.counting import COUNTING
from torouter.codecs.gemini.embeddings import EMBEDDING
from torouter.codecs.gemini.errors import render_error, render_stream_error
from torouter.codecs.gemini.opening import opens
from torouter.codecs.gemini.peek import peek
from torouter.codecs.gemini.tap import tap
from torouter.codecs.gemini.translation import TRANSLATION

__all__ = ["CODEC"]

CODEC: Final = Codec(
    dialect="gemini",
    peek=peek,
    ceiling=ceiling,
    amend=amend,
    tap=tap,
    opens=opens,
    render_error=render_error,
    render_stream_error=render_stream_error,
    read_error=read_error,
    translation=TRANSLATION,
    counting=COUNTING,
    embedding=EMBEDDING,
)
