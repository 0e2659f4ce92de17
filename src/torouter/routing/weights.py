"""Weights by index, added up in a tree (Fenwick 1994): to draw one, or to change one, takes log n steps."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Weights"]


class Weights:
    """`total` is their sum."""

    __slots__ = ("_sums", "_top", "total")

    def __init__(self, weights: Sequence[int]) -> None:
        self.total = sum(weights)
        self._sums = sums = [0, *weights]  # sums[i] is of the (i & -i) weights that end with the ith, counted from 1
        for index in range(1, len(sums)):
            above = index + (index & -index)
            if above < len(sums):
                sums[above] += sums[index]
        self._top = 1 << len(weights).bit_length() >> 1

    def add(self, index: int, weight: int) -> None:
        self.total += weight
        sums, index = self._sums, index + 1
        while index < len(sums):
            sums[index] += weight
            index += index & -index

    def find(self, point: int) -> int:
        """The index whose share of 0 … `total` holds this point."""
        sums, index, step = self._sums, 0, self._top
        while step:
            beyond = index + step
            if beyond < len(sums) and sums[beyond] <= point:
                index = beyond
                point -= sums[beyond]
            step >>= 1
        return index
