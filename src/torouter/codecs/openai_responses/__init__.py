"""OpenAI Responses."""

from __future__ import annotations

from typing import Final

from torouter.codecs.codec import Codec, KeptForm
from torouter.codecs.faults import read_error
from torouter.codecs.openai_errors import render_openai_error
from torouter.codecs.openai_responses.amend import amend
from torouter.codecs.openai_responses.ceiling import ceiling
from torouter.codecs.openai_responses.counting import COUNTING
from torouter.codecs.openai_responses.errors import render_stream_error
from torouter.codecs.openai_responses.kept import disclaim, document_of, references_of
from torouter.codecs.openai_responses.opening import opens
from torouter.codecs.openai_responses.peek import peek
from torouter.codecs.openai_responses.tap import tap
from torouter.codecs.openai_responses.translation import TRANSLATION

__all__ = ["CODEC"]

CODEC: Final = Codec(
    dialect="openai-responses",
    peek=peek,
    ceiling=ceiling,
    amend=amend,
    tap=tap,
    opens=opens,
    render_error=render_openai_error,
    render_stream_error=render_stream_error,
    read_error=read_error,
    translation=TRANSLATION,
    kept=KeptForm(references=references_of, document=document_of, disclaim=disclaim),
    counting=COUNTING,
)
