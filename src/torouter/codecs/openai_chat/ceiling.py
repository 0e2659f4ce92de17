"""How much a request of the OpenAI surface lets its answer write, and how many choices or pictures it asks for."""

from __future__ import annotations

from torouter.codecs.ceilings import ceiling_of, form_choices
from torouter.codecs.codec import Ceiling
from torouter.codecs.openai_chat.peek import FORM_OPERATIONS
from torouter.units import Operation

__all__ = ["ceiling"]


def ceiling(operation: Operation, body: bytes) -> Ceiling:
    """No JSON begins with a boundary."""
    if operation in FORM_OPERATIONS and body.startswith(b"--"):
        return form_choices(body)
    return ceiling_of(body, ("maxtokens", "maxcompletiontokens"), ("n",))
