"""Two answers to one request: where they say the same they become one, and where they do not, nothing is given on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torouter.canon.blocks import Blob, Citation, Origin
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    Keepalive,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartKind,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.fold import fold
from torouter.canon.logprobs import TokenLogprob
from torouter.canon.resuming import Diverged, Given, Resuming
from torouter.canon.usage import Usage

Said = tuple[PartKind, str]
STOP = Finish(reason="stop", raw="stop")
FAULT = Fault(kind="upstream_fault", message="gone", code="upstream_reset")


def answer(said: Sequence[Said], name: str, pieces: Sequence[int] = (3,)) -> list[Event]:
    """An answer whose texts come in pieces of these sizes; ids begin with `name`."""
    events: list[Event] = [Start(id=name, model="m")]
    for part, (kind, text) in enumerate(said):
        events.append(PartStart(part=part, kind=kind, id=f"{name}_{part}", name="f" if kind == "tool_call" else ""))
        at = turn = 0
        while at < len(text):
            size = pieces[turn % len(pieces)]
            events.append(PartDelta(part, text[at : at + size]))
            at, turn = at + size, turn + 1
        events.append(PartEnd(part))
    return [*events, UsageSeen(Usage(input_tokens=len(name), quality="reported")), STOP]


def resumed(first: Sequence[Event], second: Sequence[Event]) -> list[Event]:
    """What the client has in the end."""
    given = Given()
    for event in first:
        given.feed(event)
    resuming = Resuming(given)
    return [*first, *(out for event in second for out in resuming.feed(event))]


TEXTS = st.text("ab é😀", min_size=1, max_size=12)
ANSWERS = st.lists(st.tuples(st.sampled_from(["text", "reasoning", "tool_call"]), TEXTS), min_size=1, max_size=4)
PIECES = st.lists(st.integers(1, 5), min_size=1, max_size=3)


@settings(max_examples=200, deadline=None)
@given(ANSWERS, PIECES, PIECES, st.data())
def test_the_same_answer_goes_on_wherever_the_first_was_cut(
    said: list[Said], pieces: list[int], others: list[int], data: st.DataObject
) -> None:
    first, second = answer(said, "first", pieces), answer(said, "second_", others)
    cut = data.draw(st.integers(0, len(first) - 2))
    joined = resumed(first[:cut], second)
    _check_heads_and_texts(joined, first, cut)
    folded = fold(joined, "anthropic")
    assert (folded.finish, folded.usage.input_tokens) == (STOP, len("second_"))
    assert [event for event in joined if isinstance(event, PartEnd)] == [PartEnd(part) for part in range(len(said))]


def _check_heads_and_texts(joined: list[Event], first: list[Event], cut: int) -> None:
    """Calls that the client knew keep the first's ids; those that it did not have the second's."""
    known = {event.part for event in first[:cut] if isinstance(event, PartStart)}
    heads = [event for event in joined if isinstance(event, PartStart)]
    assert [head.part for head in heads] == list(range(len(heads)))
    assert all(head.id.startswith("first" if head.part in known else "second") for head in heads)
    assert [(head.kind, head.name) for head in heads] == [
        (event.kind, event.name) for event in first if isinstance(event, PartStart)
    ]
    assert [_text(joined, head.part) for head in heads] == [_text(first, head.part) for head in heads]


def _text(events: Sequence[Event], part: int) -> str:
    return "".join(event.text for event in events if isinstance(event, PartDelta) and event.part == part)


@settings(max_examples=200, deadline=None)
@given(ANSWERS, PIECES, st.data())
def test_another_answer_gives_nothing(said: list[Said], pieces: list[int], data: st.DataObject) -> None:
    """One character is another one, anywhere in what the client has."""
    first = answer(said, "first", pieces)
    cut = data.draw(st.integers(3, len(first) - 2))
    given = Given()
    for event in first[:cut]:
        given.feed(event)
    known = [(part, text) for part in range(len(said)) if (text := _text(first[:cut], part))]
    part, text = data.draw(st.sampled_from(known))
    at = data.draw(st.integers(0, len(text) - 1))
    other = [*said]
    other[part] = (said[part][0], said[part][1][:at] + "#" + said[part][1][at + 1 :])
    resuming, out = Resuming(given), list[Event]()
    second = iter(answer(other, "second", pieces))

    def until_it_differs() -> None:
        for event in second:
            out.extend(resuming.feed(event))

    with pytest.raises(Diverged):
        until_it_differs()
    assert [event for event in out if not isinstance(event, UsageSeen | Keepalive)] == []


TEXT = [PartStart(part=0, kind="text"), PartDelta(0, "abc")]


@pytest.mark.parametrize(
    "second",
    [
        [PartStart(part=0, kind="text"), PartDelta(0, "ab"), PartEnd(0), STOP],
        [PartStart(part=0, kind="text"), PartDelta(0, "ab"), STOP],
        [STOP],
        [PartStart(part=0, kind="tool_call", name="f"), PartDelta(0, "abc"), PartEnd(0), STOP],
        [PartStart(part=0, kind="reasoning"), PartDelta(0, "abc"), PartEnd(0), STOP],
        [PartStart(part=0, kind="refusal"), PartDelta(0, "abc"), PartEnd(0), STOP],
    ],
    ids=["shorter", "shorter, and open", "nothing", "a call", "reasoning", "a refusal"],
)
def test_differences(second: list[Event]) -> None:
    with pytest.raises(Diverged):
        resumed(TEXT, second)


def test_a_block_that_had_ended_does_not_go_on() -> None:
    with pytest.raises(Diverged):
        resumed([*TEXT, PartEnd(0)], [PartStart(part=0, kind="text"), PartDelta(0, "abcd")])


def test_another_name_or_other_arguments_are_another_call() -> None:
    first: list[Event] = [PartStart(part=0, kind="tool_call", id="a", name="f"), PartDelta(0, '{"x":')]
    same = [PartStart(part=0, kind="tool_call", id="b", name="f"), PartDelta(0, '{"x":1}'), PartEnd(0), STOP]
    assert resumed(first, same)[2:] == [PartDelta(0, "1}"), PartEnd(0), STOP]
    for other in ({"name": "g"}, {"name": "f", "namespace": "n"}):
        head = PartStart(part=0, kind="tool_call", **other)
        with pytest.raises(Diverged):
            resumed(first, [head, *same[1:]])


def _signed(data: str) -> Event:
    return PartBlob(0, Blob(kind="signature", data=data, origin=Origin(dialect="anthropic")))


def test_state_is_the_same_or_was_not_given_yet() -> None:
    thought: list[Event] = [PartStart(part=0, kind="reasoning"), PartDelta(0, "hm")]
    assert resumed(thought, [*thought, _signed("s2"), PartEnd(0), STOP])[2:] == [_signed("s2"), PartEnd(0), STOP]
    assert resumed([*thought, _signed("s")], [*thought, _signed("s"), PartEnd(0), STOP])[3:] == [PartEnd(0), STOP]
    with pytest.raises(Diverged):
        resumed([*thought, _signed("s")], [*thought, _signed("s2"), PartEnd(0), STOP])


def test_a_citation_is_the_same_or_was_not_given_yet() -> None:
    def cited(url: str) -> Event:
        return PartCited(0, Citation(origin="anthropic", raw=b"{}", url=url))

    assert resumed(TEXT, [*TEXT, cited("u"), PartEnd(0), STOP])[2:] == [cited("u"), PartEnd(0), STOP]
    with pytest.raises(Diverged):
        resumed([*TEXT, cited("u")], [*TEXT, cited("v"), PartEnd(0), STOP])


def test_a_block_that_said_nothing_may_be_missing_on_either_side() -> None:
    call = [PartStart(part=1, kind="tool_call", name="f"), PartDelta(1, "{}"), PartEnd(1), STOP]
    silent: list[Event] = [PartStart(part=0, kind="text")]
    assert resumed(silent, call)[1:] == [PartEnd(0), *call]
    only = [PartStart(part=0, kind="tool_call", name="f"), PartDelta(0, "{}"), PartEnd(0), STOP]
    assert resumed(only[:2], [PartStart(part=0, kind="text"), PartEnd(0), *call])[2:] == [PartEnd(0), STOP]


def test_nothing_is_given_before_all_has_been_found() -> None:
    """Parts may overlap: the second call is what differs, so the first must not have gone on."""
    first: list[Event] = [
        PartStart(part=0, kind="tool_call", name="f"), PartDelta(0, "ab"),
        PartStart(part=1, kind="tool_call", name="g"), PartDelta(1, "xy"),
    ]  # fmt: skip
    given = Given()
    for event in first:
        given.feed(event)
    resuming = Resuming(given)
    assert resuming.feed(first[0]) == []
    assert resuming.feed(PartDelta(0, "abcd")) == []
    assert resuming.feed(first[2]) == []
    assert resuming.feed(PartDelta(1, "xyz")) == [PartDelta(0, "cd"), PartDelta(1, "z")]


def test_usage_and_signs_of_life_do_not_wait_and_a_second_fault_is_told_at_once() -> None:
    given = Given()
    for event in TEXT:
        given.feed(event)
    resuming = Resuming(given)
    for event in (UsageSeen(Usage(input_tokens=1)), Keepalive(), FAULT):
        assert resuming.feed(event) == [event]


def test_log_probabilities_go_with_the_text_that_is_new() -> None:
    def token(text: str) -> TokenLogprob:
        return TokenLogprob(token=text, logprob=-1.0)

    tokens = tuple(map(token, ("ab", "cd", "ef")))
    out = resumed(TEXT, [TEXT[0], PartDelta(0, "abcdef", tokens)])
    assert out[2:] == [PartDelta(0, "def", (tokens[2],))]
