"""Signatures of other providers, taken off the parts of a Gemini body. A part that was nothing else goes with its own.

Gemini 3 refuses calls without a signature: those get the value that Google has for calls of another vendor's.
"""

from __future__ import annotations

import msgspec

from torouter.canon.losses import Loss
from torouter.codecs.figures import decoded
from torouter.codecs.gemini.home import UNSIGNED
from torouter.codecs.splice import edit, values_of
from torouter.codecs.withdrawal import Withdrawal, holds_capsule

__all__ = ["without_capsules"]

_SIGNATURES = ("thoughtSignature", "thought_signature")
_CALLS = ("functionCall", "function_call")
_COUNTED = ("generateContentRequest", "generate_content_request")
"""Under these names a count of tokens holds a whole request."""


def without_capsules(body: bytes, *, needs_signatures: bool) -> tuple[bytes, tuple[Loss, ...]]:
    withdrawal = Withdrawal("gemini")

    def part(path: str, text: bytes) -> bytes | None:
        values = values_of(text)
        name = next((name for name in _SIGNATURES if holds_capsule(values, name)), None)
        if name is None:
            return text
        withdrawal.report(path)
        if needs_signatures and any(call in values for call in _CALLS):
            return edit(text, {name: msgspec.json.encode(UNSIGNED)})
        says_nothing = not decoded(values.get("text", b"null")) and values.keys() <= {"text", "thought", name}
        return None if says_nothing else edit(text, {name: None})

    def content(path: str, text: bytes) -> bytes | None:
        left = withdrawal.within(text, path, "parts", part)
        return None if left != text and "parts" not in values_of(left) else left

    def request(text: bytes, path: str) -> bytes:
        text = withdrawal.within(text, path, "contents", content)
        values = values_of(text)
        inner = {name: request(values[name], name) for name in _COUNTED if values.get(name, b"").startswith(b"{")}
        return edit(text, dict(inner)) if inner else text

    return request(body, ""), withdrawal.losses
