"""Precedence of what upstreams say about their end: error > length and filters > tool_calls > stop."""

from __future__ import annotations

import pytest

from torouter.canon.events import Fault, Finish, FinishReason
from torouter.canon.finish import settle_finish


@pytest.mark.parametrize(
    ("said", "has_content", "has_calls", "settled"),
    [
        ("stop", True, False, "stop"),
        ("stop", False, False, "stop"),
        ("stop", True, True, "tool_calls"),
        ("stop_sequence", True, True, "tool_calls"),
        ("tool_calls", False, True, "tool_calls"),
        ("tool_calls", True, False, "stop"),
        ("length", True, True, "length"),
        ("context_length", True, True, "context_length"),
        ("content_filter", False, True, "content_filter"),
        ("refusal", True, True, "refusal"),
        ("pause", True, False, "pause"),
        (None, True, False, "stop"),
        (None, False, True, "tool_calls"),
    ],
)
@pytest.mark.pitfall(14, 18, 27, 32, 123)
def test_what_was_sent_decides(
    said: FinishReason | None, has_content: bool, has_calls: bool, settled: FinishReason
) -> None:
    """Calls count without the word; length and filters beat calls."""
    end = settle_finish(said, "raw", has_content=has_content, has_calls=has_calls)
    assert isinstance(end, Finish)
    assert (end.reason, end.raw) == (settled, "raw")


@pytest.mark.parametrize("said", ["tool_calls", None])
@pytest.mark.pitfall(15, 31)
def test_nothing_at_all_is_an_error(said: FinishReason | None) -> None:
    """A word about calls, and no call."""
    end = settle_finish(said, "odd", has_content=False, has_calls=False)
    assert isinstance(end, Fault)
    assert end.code == "upstream_malformed"
    assert "odd" in end.message


def test_the_matched_sequence_is_kept_only_with_its_reason() -> None:
    end = settle_finish("stop", "stop", has_content=True, has_calls=False, stop_sequence="X")
    assert isinstance(end, Finish)
    assert end.stop_sequence is None
    end = settle_finish("stop_sequence", "stop", has_content=True, has_calls=False, stop_sequence="X")
    assert isinstance(end, Finish)
    assert end.stop_sequence == "X"
