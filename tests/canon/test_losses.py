"""Reports are records, refusals are 400s that name field, family and what to do."""

from __future__ import annotations

import pytest

from torouter.canon.blocks import Carried, Fate
from torouter.canon.losses import Loss, LossLog
from torouter.errors import RequestError


def carried(name: str, fate: Fate, why: str = "") -> Carried:
    return Carried(name=name, value=b"1", origin="openai-chat", fate=fate, why=why)


def test_a_field_is_reported_once_for_each_kind_of_loss() -> None:
    log = LossLog("anthropic")
    log.report("a", "dropped", "first")
    log.report("a", "dropped", "second")
    log.report("a", "moved", "third")
    assert log.losses() == (
        Loss(field="a", what="dropped", reason="first"),
        Loss(field="a", what="moved", reason="third"),
    )


def test_carried_fields_meet_the_fate_their_own_dialect_gave_them() -> None:
    log = LossLog("anthropic")
    log.settle([carried("typed", "typed"), carried("hint", "hint"), carried("odd", "report", "because")], "messages.0")
    assert log.losses() == (Loss(field="messages.0.odd", what="dropped", reason="because"),)


def test_an_unknown_field_is_reported_with_the_family_that_lacks_it() -> None:
    log = LossLog("anthropic")
    log.settle([carried("odd", "report")])
    assert log.losses()[0].reason == "Anthropic Messages has no such field"


def test_a_refusal_names_field_family_and_what_to_do() -> None:
    with pytest.raises(RequestError) as caught:
        LossLog("openai-chat").settle([carried("container", "refuse", "it is kept elsewhere")])
    error = caught.value
    assert (error.status, error.param, error.code) == (400, "container", "unsupported_parameter")
    for words in ("`container`", "OpenAI Chat Completions", "it is kept elsewhere", "What to do: "):
        assert words in error.message


def test_what_happens_with_each_turn_is_reported_once() -> None:
    log = LossLog("anthropic")
    for turn in range(3):
        log.report_once(f"messages.{turn}", "dropped", "reasoning stays")
    log.report_once("messages.2", "dropped", "something else")
    assert [(loss.field, loss.reason) for loss in log.losses()] == [
        ("messages.0", "reasoning stays"),
        ("messages.2", "something else"),
    ]


def test_a_field_within_an_object_is_named_by_its_whole_path() -> None:
    log = LossLog("anthropic")
    log.settle([Carried(name="odd", value=b"1", origin="openai-chat", within="function")], "tools.0")
    assert [loss.field for loss in log.losses()] == ["tools.0.function.odd"]
