"""How a price list says which names it means: small clauses, as data, that decide as genai-prices' own do.

Names come in lower case. So did the clauses' texts when the list was compiled, but for regular expressions, which the
package compares with the lowered name as they are.
"""

from __future__ import annotations

import re

import msgspec

__all__ = ["AllOf", "AnyOf", "Clause", "Contains", "EndsWith", "Equals", "Matches", "StartsWith"]


class Equals(msgspec.Struct, frozen=True, array_like=True, tag="="):
    text: str

    def is_match(self, name: str) -> bool:
        return name == self.text


class StartsWith(msgspec.Struct, frozen=True, array_like=True, tag="^"):
    text: str

    def is_match(self, name: str) -> bool:
        return name.startswith(self.text)


class EndsWith(msgspec.Struct, frozen=True, array_like=True, tag="$"):
    text: str

    def is_match(self, name: str) -> bool:
        return name.endswith(self.text)


class Contains(msgspec.Struct, frozen=True, array_like=True, tag="~"):
    text: str

    def is_match(self, name: str) -> bool:
        return self.text in name


class Matches(msgspec.Struct, frozen=True, array_like=True, tag="/"):
    pattern: str

    def is_match(self, name: str) -> bool:
        return re.search(self.pattern, name) is not None


class AnyOf(msgspec.Struct, frozen=True, array_like=True, tag="|"):
    clauses: tuple[Clause, ...]

    def is_match(self, name: str) -> bool:
        return any(clause.is_match(name) for clause in self.clauses)


class AllOf(msgspec.Struct, frozen=True, array_like=True, tag="&"):
    clauses: tuple[Clause, ...]

    def is_match(self, name: str) -> bool:
        return all(clause.is_match(name) for clause in self.clauses)


Clause = Equals | StartsWith | EndsWith | Contains | Matches | AnyOf | AllOf
