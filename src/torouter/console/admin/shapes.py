"""The outer form of every answer. What was asked for is always under `data`."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from torouter.accounts.office.views import ProcessView

__all__ = ["Answer", "Changed", "ErrorBody", "ErrorView", "Page"]

T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    data: T


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """`next` is the cursor of the page after this one; `null`: there is none."""

    data: list[T]
    next: str | None


class Changed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """`in_force`: every process that serves works by the change. `waiting_for` are those that have not said so in time;
    they follow, or stop being sent requests."""

    data: T
    in_force: bool
    waiting_for: list[ProcessView]


class ErrorView(msgspec.Struct, frozen=True, kw_only=True):
    """`param` is the path of the field at fault."""

    message: str
    type: str
    code: str | None
    param: str | None


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    error: ErrorView
