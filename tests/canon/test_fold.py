"""A whole answer is its events, folded."""

from __future__ import annotations

from torouter.canon.blocks import (
    Blob,
    Citation,
    OpaqueBlock,
    Origin,
    ReasoningBlock,
    RefusalBlock,
    ServerToolBlock,
    TextBlock,
    ToolCallBlock,
)
from torouter.canon.events import (
    Event,
    Fault,
    Finish,
    Keepalive,
    PartBlob,
    PartCited,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
    UsageSeen,
)
from torouter.canon.fold import Answer, Fold, fold
from torouter.canon.usage import Usage

HOME = Origin(dialect="anthropic")
END = Finish(reason="stop", raw="end_turn")


def blocks(*events: Event) -> tuple[object, ...]:
    return fold([*events, END], "anthropic").blocks


def test_identity_usage_and_end() -> None:
    usage = Usage(input_tokens=3, quality="reported")
    events = [Start(id="i", model="m"), UsageSeen(Usage(input_tokens=1)), Keepalive(), UsageSeen(usage), END]
    assert fold(events, "anthropic") == Answer(id="i", model="m", finish=END, usage=usage)


def test_a_fault_is_kept_with_what_came_before() -> None:
    fault = Fault(kind="overloaded", message="busy")
    answer = fold([PartStart(part=0, kind="text"), PartDelta(0, "a"), fault], "anthropic")
    assert (answer.finish, answer.fault, answer.blocks) == (None, fault, (TextBlock(text="a"),))


def test_parts_keep_the_order_in_which_they_began() -> None:
    found = blocks(
        PartStart(part=0, kind="tool_call", id="1", name="f"),
        PartStart(part=1, kind="tool_call", id="2", name="g", is_id_synthesised=True),
        *(PartDelta(1, "{"), PartDelta(0, '{"a":'), PartDelta(1, "}"), PartDelta(0, "1}"), PartEnd(0), PartEnd(1)),
    )
    assert found == (
        ToolCallBlock(id="1", name="f", arguments='{"a":1}'),
        ToolCallBlock(id="2", name="g", arguments="{}", is_id_synthesised=True),
    )


def test_citations_and_signatures_stay_on_their_block() -> None:
    citation = Citation(origin="anthropic", raw=b"{}", url="u")
    blob = Blob(kind="signature", data="s", origin=HOME)
    found = blocks(
        *(PartStart(part=0, kind="reasoning"), PartDelta(0, "r"), PartBlob(0, blob)),
        *(PartStart(part=1, kind="text"), PartDelta(1, "t"), PartCited(1, citation)),
    )
    assert found == (ReasoningBlock(text="r", blobs=(blob,)), TextBlock(text="t", citations=(citation,)))


def test_parts_that_say_nothing_leave_nothing() -> None:
    assert blocks(PartStart(part=0, kind="text"), PartStart(part=1, kind="reasoning")) == ()


def test_a_redacted_block_has_no_text_and_is_not_empty() -> None:
    blob = Blob(kind="redacted", data="d", origin=HOME)
    assert blocks(PartStart(part=0, kind="reasoning"), PartBlob(0, blob)) == (ReasoningBlock(blobs=(blob,)),)


def test_refusals_are_blocks() -> None:
    assert blocks(PartStart(part=0, kind="refusal"), PartDelta(0, "no")) == (RefusalBlock(text="no"),)


def test_the_input_of_a_server_tool_is_put_together() -> None:
    head = PartStart(
        part=0, kind="server_call", id="s", name="n", vendor_kind="server_tool_use", raw=b'{"input":{},"x":1}'
    )
    (block,) = blocks(head, PartDelta(0, '{"q":'), PartDelta(0, "2.50}"))
    raw = b'{"input":{"q":2.50},"x":1}'
    assert block == ServerToolBlock(stage="call", origin=HOME, kind="server_tool_use", raw=raw, call_id="s", name="n")


def test_the_input_of_a_server_tool_that_was_cut_leaves_the_head() -> None:
    head = PartStart(part=0, kind="server_call", vendor_kind="server_tool_use", raw=b'{"input":{}}')
    (block,) = blocks(head, PartDelta(0, '{"q":'))
    assert isinstance(block, ServerToolBlock)
    assert block.raw == b'{"input":{}}'


def test_unknown_blocks_survive_raw() -> None:
    (block,) = blocks(PartStart(part=0, kind="opaque", vendor_kind="hologram", raw=b'{"type":"hologram"}'))
    assert block == OpaqueBlock(origin=HOME, kind="hologram", raw=b'{"type":"hologram"}', fate="report")


def test_the_answer_can_be_asked_for_at_any_time() -> None:
    folding = Fold("openai-chat")
    folding.feed(PartStart(part=0, kind="text"))
    folding.feed(PartDelta(0, "a"))
    assert folding.answer().blocks == (TextBlock(text="a"),)
    folding.feed(PartDelta(0, "b"))
    assert folding.answer().blocks == (TextBlock(text="ab"),)
