"""What came in capsules stands where its issuer had put it, whatever slot its client kept it in."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from torouter.canon.blocks import Blob, BlobKind, Block, Origin, ReasoningBlock, TextBlock, ToolCallBlock
from torouter.canon.capsule import Capsule, Place, Tenant, wrap
from torouter.canon.request import ChatRequest, Message
from torouter.canon.restoring import restored, unaccompanied, with_tokens

TENANT = Tenant(b"k" * 32)
HERE, THERE = TENANT.scope(b"here"), TENANT.scope(b"there")
TEXT, CALL = TextBlock(text="Hi"), ToolCallBlock(id="c1", name="f", arguments="{}")


def token(
    place: Place, *, text: str = "", is_first: bool = False, kind: BlobKind = "signature", at: bytes = HERE
) -> str:
    own = Blob(kind=kind, data="QUJD", origin=Origin(dialect="gemini"))
    return TENANT.seal(wrap(own, at, place, text=text, item="rs_1", is_first=is_first))


def carrying(place: Place, *, beside: str = "", **more: Any) -> ReasoningBlock:
    """As a client gives it back: in its own dialect's form."""
    state = Blob(kind="encrypted", data=token(place, **more), origin=Origin(dialect="openai-chat"))
    return ReasoningBlock(text=beside, blobs=(state,))


def request(*turns: tuple[Block, ...]) -> ChatRequest:
    messages = [Message(role="user", blocks=(TextBlock(text="?"),), path="messages.0")]
    messages += [Message(role="assistant", blocks=blocks, path=f"m{number}") for number, blocks in enumerate(turns)]
    return ChatRequest(dialect="openai-chat", messages=tuple(messages))


def back(*turns: tuple[Block, ...], wants_text: bool = False) -> list[Block]:
    def valid(text: str) -> Capsule | None:
        capsule = TENANT.open(text)
        return capsule if capsule is not None and capsule.scope == HERE else None

    done = restored(request(*turns), valid, wants_text=wants_text)
    return [block for message in done.messages[1:] for block in message.blocks]


OWN = Blob(kind="signature", data="QUJD", origin=Origin(dialect="gemini"))
SIGNED_CALL = ToolCallBlock(id="c1", name="f", arguments="{}", blobs=(OWN,))
SIGNED_TEXT = TextBlock(text="Hi", blobs=(OWN,))


def test_of_a_call() -> None:
    assert back((TEXT, carrying("call"), CALL)) == [TEXT, SIGNED_CALL]
    assert back((TEXT,), (carrying("call"),), (CALL,)) == [TEXT, SIGNED_CALL]


def test_of_a_call_in_its_own_slot() -> None:
    state = Blob(kind="thought_signature", data=token("call"), origin=Origin(dialect="openai-chat"))
    assert back((ToolCallBlock(id="c1", name="f", arguments="{}", blobs=(state,)),)) == [SIGNED_CALL]


def test_of_a_call_that_is_gone() -> None:
    left = carrying("call")
    assert back((left, TEXT)) == [left, TEXT]
    assert back((left,)) == [left]


def test_of_a_text() -> None:
    assert back((carrying("text"), TEXT)) == [SIGNED_TEXT]
    assert back((TEXT,), (carrying("text"),), (CALL,)) == [SIGNED_TEXT, CALL]
    assert back((carrying("empty", beside="hm"), TEXT)) == [TextBlock(text="", blobs=(OWN,)), TEXT]


def test_of_reasoning() -> None:
    whole = ReasoningBlock(text="hm", blobs=(OWN,), id="rs_1")
    assert back((carrying("reasoning", text="hm"), CALL)) == [whole, CALL]
    assert back((carrying("reasoning", beside="hm"), CALL)) == [whole, CALL]


def test_a_copy_of_the_text_is_not_said_again() -> None:
    whole = ReasoningBlock(text="hm", blobs=(OWN,), id="rs_1")
    copies = (ReasoningBlock(text="h"), ReasoningBlock(text="m"))
    assert back((*copies, carrying("reasoning", text="hm"), CALL)) == [whole, CALL]


def test_what_came_first_stands_first() -> None:
    """A Chat client names the call that follows, with which its slot stands behind the text."""
    whole = ReasoningBlock(text="a", blobs=(OWN,), id="rs_1")
    later = ReasoningBlock(text="b", blobs=(OWN,), id="rs_1")
    first, second = carrying("reasoning", text="a", is_first=True), carrying("reasoning", text="b")
    assert back((TEXT, first, CALL, second, CALL)) == [whole, TEXT, CALL, later, CALL]
    assert back((TEXT, first, first, CALL)) == [whole, whole, TEXT, CALL]


def test_marked_reasoning_is_for_servers_that_read_it() -> None:
    marked = carrying("reasoning", beside="hm", kind="mark")
    assert back((marked, CALL)) == [CALL]
    assert back((marked, CALL), wants_text=True) == [ReasoningBlock(text="hm"), CALL]


def test_what_is_of_another_scope_or_nobodys_stays_foreign() -> None:
    elsewhere = carrying("call", at=THERE)
    assert back((elsewhere, CALL)) == [elsewhere, CALL]
    native = ReasoningBlock(blobs=(Blob(kind="signature", data="QUJD", origin=Origin(dialect="anthropic")),))
    assert back((native, CALL)) == [native, CALL]


def test_places_move_with_their_blocks() -> None:
    done = restored(request((TEXT, carrying("call"), CALL)), lambda text: TENANT.open(text), wants_text=False)
    assert [place for _, place in done.messages[1].placed()] == ["m0.content.0", "m0.content.2"]


def test_calls_without_any_state_in_their_turn_are_looked_up() -> None:
    asked = request((TEXT, CALL), (carrying("reasoning"),))
    assert unaccompanied(asked) == []
    bare = request((TEXT, CALL))
    assert unaccompanied(bare) == [CALL]
    found = with_tokens(bare, {"c1": [token("call")]})
    assert [type(block).__name__ for block in found.messages[1].blocks] == [
        "TextBlock",
        "ReasoningBlock",
        "ToolCallBlock",
    ]
    assert with_tokens(bare, {"other": ["x"]}) == bare


@given(
    st.lists(
        st.one_of(
            st.just(TEXT),
            st.just(CALL),
            st.just(ReasoningBlock(text="bare")),
            st.builds(
                carrying,
                st.sampled_from(["reasoning", "call", "text", "empty"]),
                beside=st.sampled_from(["", "hm"]),
                text=st.sampled_from(["", "hm"]),
                is_first=st.booleans(),
                at=st.sampled_from([HERE, THERE]),
            ),
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_whatever_a_client_makes_of_its_history_what_was_said_stays(blocks: list[Block], wants_text: bool) -> None:
    """In any order, with anything missing: texts and calls are all there, and no state is there twice."""
    done = back(tuple(blocks), wants_text=wants_text)
    assert said_in(done) == said_in(blocks)
    stateful = (ReasoningBlock, TextBlock, ToolCallBlock)
    came = sum(len(block.blobs) for block in blocks if isinstance(block, stateful))
    assert sum(len(block.blobs) for block in done if isinstance(block, stateful)) == came


def said_in(blocks: list[Block]) -> list[str]:
    said = (block for block in blocks if isinstance(block, TextBlock | ToolCallBlock))
    return [text for block in said if (text := block.text if isinstance(block, TextBlock) else block.id)]
