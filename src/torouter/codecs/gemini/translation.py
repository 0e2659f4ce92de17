"""Gemini to and from canon: requests, answers, streams."""

from __future__ import annotations

from typing import Final

from torouter.codecs.codec import Translation
from torouter.codecs.gemini.decode_request import decode_request
from torouter.codecs.gemini.decoder import Decoder
from torouter.codecs.gemini.encode_answer import encode_answer
from torouter.codecs.gemini.encode_content import needs_data
from torouter.codecs.gemini.encode_request import encode_request
from torouter.codecs.gemini.encoder import Encoder
from torouter.codecs.gemini.resume import resume

__all__ = ["TRANSLATION"]

TRANSLATION: Final = Translation(
    decode_request=decode_request,
    encode_request=encode_request,
    decoder=Decoder,
    encoder=Encoder,
    needs_data=needs_data,
    encode_answer=encode_answer,
    resume=resume,
)
