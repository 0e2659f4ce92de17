"""A call's arguments as the object that some dialects want."""

from __future__ import annotations

import json

import pytest

from torouter.codecs.arguments import NotAnObject, object_in


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"b": 1.0, "a": 12345678901234567890}', b'{"b": 1.0, "a": 12345678901234567890}'),
        ("", b"{}"),
        (" \n", b"{}"),
        (json.dumps('{"a": 1}'), b'{"a": 1}'),
        ('{"a": ', None),
        ("words", None),
        ('"words"', None),
        ("[" * 100_000, None),
    ],
)
def test_objects_stay_verbatim_and_what_was_cut_is_none(arguments: str, expected: bytes | None) -> None:
    assert object_in(arguments) == expected


@pytest.mark.parametrize("arguments", ["[1]", "null", "1", json.dumps("[1]"), json.dumps(json.dumps('{"a": 1}'))])
def test_other_values_are_no_input(arguments: str) -> None:
    with pytest.raises(NotAnObject):
        object_in(arguments)
