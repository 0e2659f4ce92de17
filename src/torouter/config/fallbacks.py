"""The models that are asked in place of others, as a file names them."""

from __future__ import annotations

from typing import Final

from torouter.config.document import Value, list_of, text
from torouter.routing.fallbacks import Fallbacks

__all__ = ["read_fallbacks"]

_CAUSES: Final = Fallbacks.__struct_fields__
_EXAMPLE: Final = "{gpt-5: {context_length: [gpt-5-long], outage: [gpt-5-mini]}}"


def read_fallbacks(value: Value) -> dict[str, Fallbacks] | None:
    """By the name that clients use for the model."""
    models = value.table()
    if models is None:
        value.expected(f"a mapping such as {_EXAMPLE}")
        return None
    read = {model: _of_one(model, inner) for model, inner in models.items()}
    found = {model: fallbacks for model, fallbacks in read.items() if fallbacks is not None}
    return found if len(found) == len(read) else None


def _of_one(model: str, value: Value) -> Fallbacks | None:
    causes = value.table(_CAUSES)
    if causes is None:
        value.expected(f"a mapping with the keys {' and '.join(_CAUSES)}")
        return None
    named: dict[str, tuple[str, ...]] = {}
    for cause, inner in causes.items():
        names = list_of(text, "names of models", least=1)(inner)
        if names is None or len(names) < len(inner.node.value):
            return None
        if model in names or len(set(names)) < len(names):
            inner.fault(f"expected each model once, and not {model} itself")
            return None
        named[cause] = names
    return Fallbacks(**named)
