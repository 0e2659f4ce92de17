"""Edits of raw JSON: the value changes, and not one byte beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torouter.codecs.splice import edit, elements, members, replace_model, values_of
from torouter.errors import RequestError

MODEL = b'"model"'

spaces = st.sampled_from(["", "", "", " ", "  ", "\n", "\t", "\r\n "])
names = st.sampled_from(
    [
        "model",
        "stream",
        "a",
        "b",
        "",
        "é",
        "\U0001f600",
        'q"uote',
        "back\\slash",
        "messages",
        "\u2028",
        "mode",
        "models",
    ]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet='ab"\\{}[],:model\n\u2028é\U0001f600', max_size=12),
    st.sampled_from(['"model":"x"', ',"model":"y"', '{"model":"z"', '}],"stream":true']),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spelled(draw: st.DrawFn, name: str) -> str:
    """A name as JSON spells it, with or without escapes."""
    if draw(st.integers(0, 9)):
        return json.dumps(name, ensure_ascii=draw(st.booleans()))
    return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0x10000 else json.dumps(c)[1:-1] for c in name) + '"'


@st.composite
def objects(draw: st.DrawFn, *, is_repeating: bool = True) -> tuple[bytes, list[tuple[str, bytes, bytes]]]:
    """The text of an object, and its members: name, key as spelled with what stands before the value, value."""
    picked = draw(st.lists(names, max_size=7, unique=not is_repeating))
    parts: list[tuple[str, bytes, bytes]] = []
    for name in picked:
        key = draw(spelled(name)) + draw(spaces) + ":" + draw(spaces)
        value = json.dumps(draw(values), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
        parts.append((name, key.encode(), value.encode()))
    inner = b",".join(draw(spaces).encode() + key + value + draw(spaces).encode() for _, key, value in parts)
    return draw(spaces).encode() + b"{" + (inner or draw(spaces).encode()) + b"}" + draw(spaces).encode(), parts


@given(objects())
@settings(max_examples=120, deadline=None)
def test_members_are_every_occurrence_in_order(made: tuple[bytes, list[tuple[str, bytes, bytes]]]) -> None:
    text, parts = made
    found = members(text)
    assert [(member.name, text[slice(*member.value)]) for member in found] == [
        (name, value) for name, _, value in parts
    ]
    assert all(text[member.start : member.start + 1] == b'"' for member in found)


@given(objects(), st.sampled_from(["model", "é", "b"]), st.sampled_from([b'"new"', b"{}", b"[1, 2]", b"null"]))
@settings(max_examples=120, deadline=None)
def test_an_edit_changes_the_value_and_nothing_else(
    made: tuple[bytes, list[tuple[str, bytes, bytes]]], name: str, value: bytes
) -> None:
    text, _ = made
    edited = edit(text, {name: value})
    found = members(text)
    spans = [member.value for member in found if member.name == name]
    if not spans:
        closing = text.rindex(b"}")
        assert edited == text[:closing] + (b"," if found else b"") + json.dumps(name, ensure_ascii=False).encode() + (
            b":" + value + text[closing:]
        )
        return
    expected, done = b"", 0
    for span in spans:
        expected += text[done : span.start] + value
        done = span.end
    assert edited == expected + text[done:]


@given(objects(), st.sets(st.sampled_from(["model", "stream", "a", "b", "é"]), min_size=1))
@settings(max_examples=120, deadline=None)
def test_a_removal_leaves_the_other_members_as_they_were(
    made: tuple[bytes, list[tuple[str, bytes, bytes]]], removed: set[str]
) -> None:
    text, parts = made
    edited = edit(text, dict.fromkeys(removed))
    kept = [(name, value) for name, _, value in parts if name not in removed]
    assert [(member.name, edited[slice(*member.value)]) for member in members(edited)] == kept


@given(objects(is_repeating=False), st.integers(0, 7), st.sampled_from(["gpt-5", "a/b:c", 'q"q', "é", ""]))
@settings(max_examples=120, deadline=None)
def test_the_hot_path_finds_the_same_model_as_the_walk(
    made: tuple[bytes, list[tuple[str, bytes, bytes]]], place: int, old: str
) -> None:
    _, parts = made
    parts = [part for part in parts if part[0] != "model"]
    model = ("model", b'"model": ', json.dumps(old).encode())
    parts.insert(min(place, len(parts)), model)
    text = b"{" + b" ,".join(key + value for _, key, value in parts) + b" }"
    expected = b"{" + b" ,".join(
        key + (b'"new"' if part is model else value) for part in parts for _, key, value in [part]
    )
    assert replace_model(text, b'"new"') == expected + b" }"


@given(objects(), st.lists(values, max_size=4))
@settings(max_examples=60, deadline=None)
def test_elements_of_an_array(made: tuple[bytes, list[tuple[str, bytes, bytes]]], others: list[Any]) -> None:
    texts = [made[0].strip(), *(json.dumps(other).encode() for other in others)]
    array = b" [ " + b" , ".join(texts) + b"]\n"
    assert [array[slice(*span)] for span in elements(array)] == texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"model":"a","x":1}', b'{"model":"N","x":1}'),
        (b' {\n"model" :\t"a" }', b' {\n"model" :\t"N" }'),
        (b'{"x":{"model":"in"},"model":"a"}', b'{"x":{"model":"in"},"model":"N"}'),
        (b'{"x":["model","model"],"model":"a","y":{}}', b'{"x":["model","model"],"model":"N","y":{}}'),
        (b'{"x":"model","model":"a"}', b'{"x":"model","model":"N"}'),
        (b'{"x":",\\"model\\":\\"b\\"","model":"a"}', b'{"x":",\\"model\\":\\"b\\"","model":"N"}'),
        (b'{",\\"model":"k","model":"a"}', b'{",\\"model":"k","model":"N"}'),
        (b'{"x":"}","model":"a"}', b'{"x":"}","model":"N"}'),
        (b'{"x":"\\\\","model":"a"}', b'{"x":"\\\\","model":"N"}'),
        (b'{"mod\\u0065l":"a"}', b'{"mod\\u0065l":"N"}'),
        (b'{"model":"a\\"b"}', b'{"model":"N"}'),
        (b'{"a":1,"a":{"model":"x"},"model":"m","a":[]}', b'{"a":1,"a":{"model":"x"},"model":"N","a":[]}'),
        (b'{"t":"\\ud800","tools":[{}],"model":"m","z":[]}', b'{"t":"\\ud800","tools":[{}],"model":"N","z":[]}'),
        (b'{"x":1}', b'{"x":1}'),
    ],
)
def test_the_model_among_look_alikes(text: bytes, expected: bytes) -> None:
    assert replace_model(text, b'"N"') == expected


def test_far_from_both_ends_the_walk_finds_it() -> None:
    filler = b'"m":[' + b'{"model":"in"},' * 100 + b"0]"
    text = b"{" + filler + b',"model":"a","tools":[' + b'{"model":"in"},' * 100 + b"0]}"
    assert replace_model(text, b'"N"') == text.replace(b'"model":"a"', b'"model":"N"')


def test_values_are_to_the_byte_even_where_reading_had_to_mend() -> None:
    text = b'{"a":"\\ud83d","b":12345678901234567890123,"c":{"d":"\\ud83d\\ude00"}}'
    assert values_of(text) == {"a": b'"\\ud83d"', "b": b"12345678901234567890123", "c": b'{"d":"\\ud83d\\ude00"}'}


def test_many_repeated_names_are_refused() -> None:
    text = b"{" + b",".join(b'"a":%d' % n for n in range(50)) + b"}"
    with pytest.raises(RequestError, match="repeats too many") as caught:
        members(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "text", [b"", b" ", b"[]", b"null", b'{"a":1', b'{"a":1}}', b'{"a":NaN}', b'{"\xff":1}', b"[" * 9**5]
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        members(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        (b"{}", {"a": b"1", "b": b"2"}, b'{"a":1,"b":2}'),
        (b"{ }", {"a": b"1"}, b'{ "a":1}'),
        (b'{"x":0}', {"a": b"1", "b": b"2"}, b'{"x":0,"a":1,"b":2}'),
        (b'{"x":0 \n}\n', {"a": b"1"}, b'{"x":0 \n,"a":1}\n'),
        (b'{ "x" : 0 }', {"x": None}, b"{  }"),
        (b'{"x":0}', {"x": None, "a": b"1"}, b'{"a":1}'),
        (b'{"a":1, "x":0, "b":2}', {"x": None}, b'{"a":1, "b":2}'),
        (b'{"a":1, "x":0}', {"x": None}, b'{"a":1}'),
        (b'{"x":0,  "a":1}', {"x": None}, b'{"a":1}'),
        (b'{"a":1,"x":0}', {"y": None}, b'{"a":1,"x":0}'),
        (b'{"a":1}', {}, b'{"a":1}'),
    ],
)
def test_edits(text: bytes, changes: dict[str, bytes | None], expected: bytes) -> None:
    assert edit(text, changes) == expected
