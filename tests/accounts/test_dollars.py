"""Money as text: exact to the nano-dollar, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.accounts.dollars import dollars, nano_dollars
from torouter.errors import RequestError


@pytest.mark.parametrize(
    ("text", "amount_nusd"),
    [
        ("12.50", 12_500_000_000),
        ("0", 0),
        ("0.000000001", 1),
        ("-0.10", -100_000_000),
        ("999999.999999999", 999_999_999_999_999),
        ("007", 7_000_000_000),
    ],
)
def test_text_is_nano_dollars(text: str, amount_nusd: int) -> None:
    assert nano_dollars(text, "x") == amount_nusd


@pytest.mark.parametrize(
    "text", ["", "1e3", "1,5", "1.", ".5", "1000000", "0.0000000001", "NaN", "Infinity", "+1", "--1", "1_0", " 1", "١"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"^cap_usd: expected US dollars such as 12\.50") as refused:
        nano_dollars(text, "cap_usd")
    assert refused.value.param == "cap_usd"


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_what_is_shown_means_the_same(amount_nusd: int) -> None:
    assert nano_dollars(dollars(amount_nusd), "x") == amount_nusd


@pytest.mark.parametrize(
    ("amount_nusd", "text"),
    [(0, "0.00"), (12_500_000_000, "12.50"), (1, "0.000000001"), (-3_000_000_000, "-3.00"), (10**18, "1000000000.00")],
)
def test_at_least_two_decimals(amount_nusd: int, text: str) -> None:
    assert dollars(amount_nusd) == text
