"""The state in an answer goes out sealed, with what its slot cannot hold, and is kept aside for its call."""

from __future__ import annotations

from typing import Any

from torouter.canon.blocks import Blob, Origin
from torouter.canon.capsule import SIZE_LIMIT, Capsule, Tenant
from torouter.canon.events import Event, PartBlob, PartDelta, PartEnd, PartStart
from torouter.canon.sealing import Sealer, mark

TENANT = Tenant(b"k" * 32)
BLOB = Blob(kind="signature", data="QUJD", origin=Origin(dialect="anthropic"))


def seal(
    *events: Event, has_text: bool = True, has_slots: bool = False
) -> tuple[list[Capsule | None], list[tuple[str, str, int]]]:
    """(the capsules, in order; what was kept: call, arguments, how many capsules)"""
    kept: list[tuple[str, str, int]] = []

    def keep(call_id: str, arguments: str, tokens: tuple[str, ...]) -> None:
        kept.append((call_id, arguments, len(tokens)))

    sealer = Sealer(TENANT, b"here", has_text=has_text, has_slots=has_slots, keep=keep)
    out = [sealer.feed(event) for event in events]
    assert [type(event) for event in out] == [type(event) for event in events]
    found = [blob for event in out for blob in _blobs(event)]
    return [TENANT.open(blob.sealed) for blob in found], kept


def _blobs(event: Event) -> tuple[Blob, ...]:
    if isinstance(event, PartBlob):
        return (event.blob,)
    return event.blobs if isinstance(event, PartStart) else ()


def said(capsule: Capsule | None) -> tuple[Any, ...]:
    assert capsule is not None
    return capsule.place, capsule.text, capsule.item, capsule.is_first


REASONING = (PartStart(part=0, kind="reasoning", id="rs_1"), PartDelta(0, "h"), PartDelta(0, "m"), PartBlob(0, BLOB))
CALL = (PartStart(part=2, kind="tool_call", id="c1", name="f"), PartDelta(2, '{"x"'), PartDelta(2, ":1}"), PartEnd(2))


def test_reasoning_takes_its_text_along_where_the_slot_has_none() -> None:
    capsules, _ = seal(*REASONING)
    assert [said(each) for each in capsules] == [("reasoning", "hm", "rs_1", True)]
    assert capsules[0] is not None
    assert capsules[0].scope == TENANT.scope(b"here")
    capsules, _ = seal(*REASONING, has_text=False)
    assert [said(each) for each in capsules] == [("reasoning", "", "rs_1", True)]


def test_what_is_before_a_call_or_on_it_is_kept_with_it() -> None:
    signed = PartStart(part=3, kind="tool_call", id="c2", name="f", blobs=(BLOB,))
    capsules, kept = seal(*REASONING, PartEnd(0), *CALL, signed, PartEnd(3), PartStart(part=4, kind="tool_call"))
    assert [said(each) for each in capsules] == [("reasoning", "hm", "rs_1", True), ("call", "", "", False)]
    assert kept == [("c1", '{"x":1}', 1), ("c2", "", 1)]
    assert seal(*CALL)[1] == [("c1", '{"x":1}', 0)]


def test_of_clients_that_bring_all_back_only_the_too_large_is_kept() -> None:
    large = Blob(kind="signature", data="!" * SIZE_LIMIT, origin=BLOB.origin)
    signed = PartStart(part=2, kind="tool_call", id="c1", name="f", blobs=(BLOB, large))
    assert seal(signed, PartEnd(2), has_slots=True)[1] == [("c1", "", 1)]


def test_a_text_that_was_said_is_told_from_one_that_was_not() -> None:
    text = PartStart(part=1, kind="text")
    assert [said(each) for each in seal(text, PartBlob(1, BLOB))[0]] == [("empty", "", "", True)]
    assert [said(each) for each in seal(text, PartDelta(1, "Hi"), PartBlob(1, BLOB))[0]] == [("text", "", "", False)]


def test_one_that_is_too_large_goes_unsealed_and_is_kept() -> None:
    large = Blob(kind="signature", data="!" * SIZE_LIMIT, origin=BLOB.origin)
    capsules, kept = seal(PartStart(part=0, kind="reasoning"), PartBlob(0, large), *CALL)
    assert capsules == [None]
    assert kept == [("c1", '{"x":1}', 1)]


def test_a_mark_says_whose_text_it_is_and_no_more() -> None:
    capsule = TENANT.open(mark(TENANT, "gemini", b"here"))
    assert capsule is not None
    assert (capsule.kind, capsule.dialect, capsule.data) == ("mark", "gemini", b"")
