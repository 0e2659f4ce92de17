"""Embeddings in the form that belongs to no vendor: texts in, as many vectors out, in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from torouter.canon.blocks import Carried
from torouter.canon.usage import Usage
from torouter.units import Dialect

__all__ = ["EmbedRequest", "Embeddings"]


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`dimensions` stood at `dimensions_path`, where given. `encoding` is how the caller wants its vectors, `is_single`
    whether it asked for one and not for a list. `carried` are fields that only the caller's dialect knows."""

    dialect: Dialect
    texts: tuple[str, ...]
    dimensions: int | None = None
    dimensions_path: str = ""
    encoding: Literal["float", "base64"] = "float"
    is_single: bool = False
    carried: tuple[Carried, ...] = ()


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """`usage` of quality `none` was not told by the upstream."""

    vectors: tuple[Sequence[float], ...]
    usage: Usage = Usage()
