"""JSON objects in the making, by the encoders of all dialects. Values that are bytes of JSON already are spliced in."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET, Raw

from torouter.canon.blocks import Carried
from torouter.units import Dialect

__all__ = ["Json", "given", "kept", "texts"]

Json = dict[str, object]


def given(**fields: object) -> Json:
    """Those fields that the caller gave, null included."""
    return {name: value for name, value in fields.items() if value is not UNSET}


def kept(carried: Iterable[Carried], dialect: Dialect, within: str = "") -> Json:
    """What was kept raw of an object for this dialect, its home."""
    return {item.name: Raw(item.value) for item in carried if item.origin == dialect and item.within == within}


def texts(value: object) -> list[str]:
    """The texts in a list that should hold nothing else."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
