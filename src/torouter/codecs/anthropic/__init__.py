"""Anthropic Messages."""

from __future__ import annotations

from typing import Final

from torouter.codecs.anthropic.amend import amend
from torouter.codecs.anthropic.ceiling import ceiling
from torouter.codecs.anthropic.counting import COUNTING
from torouter.codecs.anthropic.errors import render_error, render_stream_error
from torouter.codecs.anthropic.opening import opens
from torouter.codecs.anthropic.peek import peek
from torouter.codecs.anthropic.tap import tap
from torouter.codecs.anthropic.translation import TRANSLATION
from torouter.codecs.codec import Codec
from torouter.codecs.faults import read_error

__all__ = ["CODEC"]

CODEC: Final = Codec(
    dialect="anthropic",
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
)
