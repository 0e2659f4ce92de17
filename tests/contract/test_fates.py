"""Silence is a defect: each field of each client's dialect has a fate in each cell, and docs/translation.md says it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.genai import types as genai

from tests.contract.fates.probes import Probe
from tests.contract.fates.requests import LEAST
from tests.contract.fates.roots import CLIENT_ONLY, GEMINI_TOP, ROOTS, UNKNOWN
from tests.contract.fates.samples import PNG
from tests.contract.fates.shapes import element_kinds, fields_of, is_record
from tests.contract.fates.table import (
    ANSWERS,
    DOCUMENT,
    REQUESTS,
    between,
    judged,
    judged_answers,
    rendered,
    rendered_answers,
)
from tests.contract.fates.verdicts import FACTS, HINTS, UPSTREAMS, Verdict
from torouter.codecs import CODECS
from torouter.errors import RequestError
from torouter.units import Dialect

DEFECTS = {"silent", "misnamed", "invalid"}
OF_THE_PACKAGE = {"httpOptions", "automaticFunctionCalling", "shouldReturnHttpResponse", "automaticContinuation"}
"""Settings of google-genai that it obeys itself and never sends."""
CELLS = [(client, upstream) for client in UPSTREAMS for upstream in UPSTREAMS if client != upstream]


def verdicts(client: Dialect, upstream: Dialect) -> Iterator[tuple[Probe, Verdict]]:
    return ((probe, said[upstream]) for probe, said in judged(client))


@pytest.mark.parametrize(("client", "upstream"), CELLS)
def test_every_field_has_a_fate(client: Dialect, upstream: Dialect) -> None:
    found = [
        (probe.shown, probe.form, said.fate, said.detail)
        for probe, said in verdicts(client, upstream)
        if said.fate in DEFECTS
    ]
    assert found == []


@pytest.mark.parametrize(("client", "upstream"), CELLS)
def test_what_nobody_knows_yet_is_reported_or_refused(client: Dialect, upstream: Dialect) -> None:
    fates = {
        probe.shown: said.fate
        for probe, said in verdicts(client, upstream)
        if UNKNOWN in probe.shown and not HINTS.search(probe.shown)
    }
    assert fates[UNKNOWN] == "reported"
    assert len(fates) > 20
    assert set(fates.values()) <= {"reported", "refused"}


@pytest.mark.parametrize(("client", "upstream"), CELLS)
def test_only_hints_are_dropped_as_hints(client: Dialect, upstream: Dialect) -> None:
    found = {probe.shown for probe, said in verdicts(client, upstream) if said.fate == "hint"}
    assert {shown for shown in found if not HINTS.search(shown)} == set()


@pytest.mark.parametrize("client", UPSTREAMS)
def test_every_field_of_the_packages_has_a_probe(client: Dialect) -> None:
    """Down to what is refused or dropped whole, of which nothing more is to be said."""
    shown = {probe.shown for probe, _ in judged(client)}
    known = [name for root in ROOTS[client] for name in fields_of(root)] or list(GEMINI_TOP)
    assert len(known) > 10
    missing = [
        name
        for name in set(known) - CLIENT_ONLY
        if not any(each == name or each.startswith((f"{name}.", f"{name}[")) for each in shown)
    ]
    assert missing == []


def test_every_setting_of_google_genai_has_its_place() -> None:
    """The package's own settings are one flat list, which it sends as the top level and `generationConfig`."""
    sent = {*GEMINI_TOP, *fields_of(genai.GenerationConfig)} | {"imageConfig", "generationOutputConfig"}
    assert set(fields_of(genai.GenerateContentConfig)) - sent == OF_THE_PACKAGE


@pytest.mark.parametrize(("client", "upstream"), CELLS)
def test_null_says_nothing(client: Dialect, upstream: Dialect) -> None:
    """Where a field may be null, null is what absence is."""
    asked = 0
    for probe, _ in judged(client):
        if len(probe.path) > 1 or isinstance(probe.value, list) or UNKNOWN in probe.shown:
            continue
        asked += 1
        absent = {name: value for name, value in probe.body.items() if name != probe.path[0]}
        try:
            expected = translated(client, upstream, absent)
        except RequestError:
            continue
        assert translated(client, upstream, {**absent, str(probe.path[0]): None}) == expected, probe.shown
    assert asked > 5


def translated(client: Dialect, upstream: Dialect, body: dict[str, Any]) -> object:
    decode, encode = CODECS[client].translation, CODECS[upstream].translation
    assert decode is not None
    assert encode is not None
    return encode.encode_request(decode.decode_request(json.dumps(body).encode()), "up", FACTS[upstream])


def test_the_document_says_what_the_codecs_do() -> None:
    """`make fates` writes it."""
    text = DOCUMENT.read_text("utf-8")
    assert between(text, REQUESTS)[1] == f"\n{rendered()}\n"
    assert between(text, ANSWERS)[1] == f"\n{rendered_answers()}\n"


@pytest.mark.parametrize(("upstream", "client"), CELLS)
def test_every_element_of_an_answer_is_said_or_reported(upstream: Dialect, client: Dialect) -> None:
    fates = {element.shown: verdicts[client].fate for element, verdicts in judged_answers(upstream)}
    assert len(fates) > 30
    assert [shown for shown, fate in fates.items() if fate == "silent"] == []
    assert {fate for shown, fate in fates.items() if "hologram" in shown} == {"reported"}


def test_lists_of_records_are_known_as_such() -> None:
    """The reader of the packages' types sees through their wrappers: `Required`, `Iterable`, unions."""
    (root,) = ROOTS["openai-chat"]
    elements = element_kinds(fields_of(root)["messages"].kinds[0])
    assert elements is not None
    assert len(elements) == 6
    assert all(map(is_record, elements))


UNKNOWN_KINDS: list[tuple[Dialect, dict[str, Any], str]] = [
    ("openai-chat", {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages.0.content.0"),
    ("openai-chat", {"tools": [{"type": "hologram"}]}, "tools.0"),
    ("openai-chat", {"tool_choice": {"type": "hologram"}}, "tool_choice"),
    ("openai-chat", {"response_format": {"type": "hologram"}}, "response_format"),
    ("openai-responses", {"input": [{"type": "hologram"}]}, "input.0"),
    ("openai-responses", {"input": [{"role": "user", "content": [{"type": "hologram"}]}]}, "input.0.content.0"),
    ("openai-responses", {"tools": [{"type": "hologram"}]}, "tools.0"),
    ("openai-responses", {"text": {"format": {"type": "hologram"}}}, "text.format"),
    ("anthropic", {"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "messages.0.content.0"),
    ("anthropic", {"tools": [{"type": "hologram_20270101", "name": "h"}]}, "tools.0"),
    ("anthropic", {"tool_choice": {"type": "hologram"}}, "tool_choice"),
    ("gemini", {"contents": [{"parts": [{"holoGram": {"depth": 3}}]}]}, "contents.0.parts.0"),
    (
        "gemini",
        {"contents": [{"parts": [{"file_data": {"file_uri": "gs://b/a.png"}}]}]},
        "contents.0.parts.0.file_data",
    ),
    ("gemini", {"tools": [{"holoGram": {}}]}, "tools.0.holoGram"),
    ("gemini", {"tools": [{"google_search": {}}]}, "tools.0.google_search"),
    ("gemini", {"tools": [{"googleSearch": {}}]}, "tools.0.googleSearch"),
]


@pytest.mark.parametrize(("client", "said", "path"), UNKNOWN_KINDS)
def test_an_unknown_kind_is_refused_by_its_path(client: Dialect, said: dict[str, Any], path: str) -> None:
    """In the caller's own spelling."""
    for upstream in UPSTREAMS:
        if upstream == client:
            continue
        with pytest.raises(RequestError) as caught:
            translated(client, upstream, {**LEAST[client], **said})
        assert caught.value.param == path
        assert f"`{path}" in caught.value.message
        assert caught.value.status == 400


@pytest.mark.parametrize("upstream", ["openai-chat", "openai-responses", "anthropic"])
def test_losses_of_a_gemini_client_are_spelled_as_it_spells(upstream: Dialect) -> None:
    call = {"function_call": {"name": "f", "args": {}, "made_up": 1}}
    result = {"function_response": {"name": "f", "response": {"output": "x"}, "made_up": 1}}
    image = {"inline_data": {"mime_type": "image/png", "data": PNG, "display_name": "a"}}
    turns = [{"role": "model", "parts": [call]}, {"role": "user", "parts": [result, image]}]
    said = {"contents": [*LEAST["gemini"]["contents"], *turns], "tools": [{"function_declarations": [{"name": "f"}]}]}
    encoded: Any = translated("gemini", upstream, said)
    assert {loss.field for loss in encoded.losses} == {
        "contents.1.parts.0.function_call.made_up",
        "contents.2.parts.0.function_response.made_up",
        "contents.2.parts.1.inline_data.display_name",
    }
