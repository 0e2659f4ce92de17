"""What this process runs with, as far as people may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Running", "Setting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`name` is that of the configuration file, such as `server.port`. The `value` of a secret is empty."""

    name: str
    value: str
    is_set: bool
    is_secret: bool
    origin: Literal["default", "file", "environment", "option"]

    @property
    def section(self) -> str:
        """Empty of what stands in no section."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    settings: tuple[Setting, ...]
    has_redis: bool
    is_postgresql: bool
