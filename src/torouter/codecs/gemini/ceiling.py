"""How much a Gemini request lets its answer write: in its `generationConfig`, in either spelling."""

from __future__ import annotations

from torouter.codecs.ceilings import ceiling_of, inner
from torouter.codecs.codec import Ceiling
from torouter.errors import RequestError
from torouter.units import Operation

__all__ = ["ceiling"]


def ceiling(operation: Operation, body: bytes) -> Ceiling:
    """Repeated configurations are merged by some servers, so the largest of all counts."""
    try:
        configs = list(inner(body, "generationconfig"))
    except RequestError:
        return Ceiling()
    found = [ceiling_of(config, ("maxoutputtokens",), ("candidatecount",)) for config in configs]
    written = [each.output_tokens for each in found if each.output_tokens is not None]
    return Ceiling(output_tokens=max(written, default=None), choices=max((each.choices for each in found), default=1))
