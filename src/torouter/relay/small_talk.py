"""What a tryout says and hears: a small request in each dialect, a model's name to ask for, and the text that came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from torouter.canon.blocks import TextBlock
from torouter.canon.fold import fold
from torouter.codecs import CODECS, Framing
from torouter.relay.translate import translation_of
from torouter.routing.snapshot import Candidate
from torouter.routing.tryouts import TryoutOperation
from torouter.units import Dialect

__all__ = ["body_for", "likely", "plain", "said"]

_PROMPT: Final = "Reply with one word: OK"
_TOKENS: Final = 32
_SHOWN_CHARACTERS: Final = 500

_NO_CHAT: Final = re.compile(
    r"embed|image|dall-e|whisper|tts|audio|speech|transcri|realtime|moderation|rerank|sora|veo|imagen|davinci|babbage"
    r"|instruct|computer-use|search|guard|live|aqa",
    re.IGNORECASE,
)
_CHEAP: Final = re.compile(r"mini|nano|lite|flash|haiku|small|8b", re.IGNORECASE)
_UNPRINTABLE: Final = re.compile(
    r"[^\n\t\x20-\x7e\xa0-\u2027\u202f-\u2065\u2070-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Control characters, those that turn the direction of a line, and halves of characters."""


def body_for(dialect: Dialect, operation: TryoutOperation, model: str, candidate: Candidate) -> bytes:
    """As a client of that dialect would write it. The path says where Gemini's goes."""
    return msgspec.json.encode(
        _embedding(dialect, model) if operation == "embeddings" else _chat(dialect, model, candidate)
    )


def likely(names: Sequence[str], operation: TryoutOperation, *, is_declared: bool) -> str:
    """One that can be asked for this, by the look of its name; of a server's own long list one that is not dear. Empty
    without any."""
    if operation == "chat":
        fit = [name for name in names if _NO_CHAT.search(name) is None]
    else:
        fit = [name for name in names if "embed" in name.lower()]
    cheap = [] if is_declared else [name for name in fit if _CHEAP.search(name)]
    return next(iter([*cheap, *fit, *names]), "")


def said(dialect: Dialect, framing: Framing, answer: bytes) -> str:
    """The text of an answer in the client's dialect; empty where there is none."""
    decoder = translation_of(CODECS[dialect]).decoder(framing)
    events = [*decoder.feed(answer), *decoder.close()]
    blocks = fold(events, dialect).blocks
    return "".join(block.text for block in blocks if isinstance(block, TextBlock)).strip()


def plain(text: str) -> str:
    """What a stranger wrote, as it may be shown: without what a terminal or a page would obey, and not too long."""
    text = _UNPRINTABLE.sub("\ufffd", text)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def _chat(dialect: Dialect, model: str, candidate: Candidate) -> dict[str, Any]:
    message = {"role": "user", "content": _PROMPT}
    if dialect == "gemini":
        contents = [{"role": "user", "parts": [{"text": _PROMPT}]}]
        return {"contents": contents, "generationConfig": {"maxOutputTokens": _TOKENS}}
    if dialect == "openai-responses":
        return {"model": model, "input": _PROMPT, "max_output_tokens": _TOKENS, "stream": True, "store": False}
    # Models that reason take only the new word for the limit, and most servers but OpenAI's only the old one.
    is_new = dialect == "openai-chat" and candidate.facts.reasoning != "none"
    limit = {"max_completion_tokens" if is_new else "max_tokens": _TOKENS}
    return {"model": model, "messages": [message], **limit, "stream": True}


def _embedding(dialect: Dialect, model: str) -> dict[str, Any]:
    if dialect != "gemini":
        return {"model": model, "input": [_PROMPT]}
    return {"requests": [{"model": f"models/{model}", "content": {"parts": [{"text": _PROMPT}]}}]}
