"""Anthropic Messages to and from canon: requests, answers, streams."""

from __future__ import annotations

from typing import Final

from torouter.codecs.anthropic.decode_request import decode_request
from torouter.codecs.anthropic.decoder import Decoder
from torouter.codecs.anthropic.encode_answer import encode_answer
from torouter.codecs.anthropic.encode_content import needs_data
from torouter.codecs.anthropic.encode_request import encode_request
from torouter.codecs.anthropic.encoder import Encoder
from torouter.codecs.anthropic.resume import resume
from torouter.codecs.codec import Translation

__all__ = ["TRANSLATION"]

TRANSLATION: Final = Translation(
    decode_request=decode_request,
    encode_request=encode_request,
    decoder=Decoder,
    encoder=Encoder,
    needs_data=needs_data,
    encode_answer=encode_answer,
    resume=resume,
    resumes_with_blocks=True,
    begins_with_usage=True,
)
