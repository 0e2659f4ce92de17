"""The demo's audio: a short tone for speech, a sentence about the file for a transcription. It cannot hear."""

from __future__ import annotations

import math
import struct
from base64 import b64encode
from typing import Annotated, Final, Literal

import msgspec

from torouter.channels.demo.conversation import NOTICE, fragments
from torouter.channels.demo.form import Form
from torouter.channels.demo.incoming import Incoming, decode, tokens
from torouter.channels.demo.outgoing import json_reply, stream_reply, typed_event
from torouter.errors import RequestError
from torouter.wire.memory import Reply

__all__ = ["speak", "transcribe", "wav"]

_RATE_HZ: Final = 8_000
_TONE_HZ: Final = 440
_LENGTH_S: Final = 0.25


class _Speak(msgspec.Struct):
    model: str
    input: Annotated[str, msgspec.Meta(min_length=1)]
    voice: msgspec.Raw
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    stream_format: Literal["audio", "sse"] | None = None


_SPEAK: Final = msgspec.json.Decoder(_Speak)


def speak(incoming: Incoming) -> Reply:
    """WAV whatever format is asked for, and labelled so: the demo has no encoder. Players look at the bytes."""
    asked = decode(_SPEAK, incoming.body)
    if asked.stream_format == "sse":
        usage = _usage(len(asked.input.encode()), len(wav()))
        delta = {"type": "speech.audio.delta", "audio": b64encode(wav()).decode()}
        return stream_reply([typed_event(delta), typed_event({"type": "speech.audio.done", "usage": usage})])
    if asked.response_format == "pcm":
        return Reply(200, [(b"content-type", b"audio/pcm")], [_samples()])
    return Reply(200, [(b"content-type", b"audio/wav")], [wav()])


def transcribe(incoming: Incoming) -> Reply:
    form = Form(incoming.content_type, incoming.body)
    form.field("model")
    if "file" not in form.files:
        raise RequestError("file is missing", param="file")
    text = f"{NOTICE} {form.files['file']} bytes of audio came in."
    usage = _usage(form.files["file"], len(text))
    if form.fields.get("stream") == "true":
        return _transcript_stream(text, usage)
    match form.fields.get("response_format", "json"):
        case "json":
            return json_reply({"text": text, "usage": {"type": "tokens", **usage}})
        case "verbose_json":
            return json_reply({"task": "transcribe", "language": "english", "duration": 0.0, "text": text})
        case "text":
            return Reply(200, [(b"content-type", b"text/plain; charset=utf-8")], [f"{text}\n".encode()])
        case other:
            raise RequestError(f"The demo writes json, verbose_json and text, not {other!r}", param="response_format")


def _transcript_stream(text: str, usage: dict[str, object]) -> Reply:
    deltas = [typed_event({"type": "transcript.text.delta", "delta": part}) for part in fragments(text)]
    done = {"type": "transcript.text.done", "text": text, "usage": {"type": "tokens", **usage}}
    return stream_reply([*deltas, typed_event(done)])


def _usage(read_bytes: int, written_bytes: int) -> dict[str, object]:
    read, written = tokens(read_bytes), tokens(written_bytes)
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}


def wav() -> bytes:
    """A quarter of a second at 440 Hz: RIFF, one channel, 16 bit."""
    samples = _samples()
    layout = struct.pack("<IHHIIHH", 16, 1, 1, _RATE_HZ, 2 * _RATE_HZ, 2, 16)
    body = b"WAVEfmt " + layout + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _samples() -> bytes:
    count = int(_RATE_HZ * _LENGTH_S)
    return struct.pack(
        f"<{count}h", *(int(8_000 * math.sin(2 * math.pi * _TONE_HZ * at / _RATE_HZ)) for at in range(count))
    )
