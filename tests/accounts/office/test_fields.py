"""What types cannot say of fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.accounts.office import fields
from torouter.errors import RequestError
from torouter.units import moment


@pytest.mark.parametrize(
    ("given_ones", "kept"),
    [
        (["10.1.2.3"], ["10.1.2.3/32"]),
        (["10.1.2.3/8"], ["10.0.0.0/8"]),
        (["10.1.2.3/255.0.0.0"], ["10.0.0.0/8"]),
        (["2001:DB8::1"], ["2001:db8::1/128"]),
        (["2001:db8:0:1::/48"], ["2001:db8::/48"]),
        (["::ffff:203.0.113.9"], ["203.0.113.9/32"]),
        (["::ffff:203.0.113.9/120"], ["203.0.113.0/24"]),
        (["::ffff:0:0/95"], ["::fffe:0:0/95"]),
        (["0.0.0.0/0", "::/0"], ["0.0.0.0/0", "::/0"]),
        ([" 10.0.0.1 ", "10.0.0.1/32"], ["10.0.0.1/32"]),
    ],
)
def test_networks_have_one_form(given_ones: list[str], kept: list[str]) -> None:
    assert fields.networks(given_ones, "ip_allow") == kept


@pytest.mark.parametrize(
    "text", ["", "x", "10.0.0", "10.0.0.0/33", "::/129", "fe80::1%eth0", "10.0.0.1/x", "010.0.0.1"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as refused:
        fields.networks(["10.0.0.0/8", text], "ip_allow")
    assert refused.value.param == "ip_allow[1]"


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_network_keeps_its_addresses(address: object, bits: int) -> None:
    parsed = ip_address(str(address))
    (kept,) = fields.networks([f"{parsed}/{min(bits, parsed.max_prefixlen)}"], "ip_allow")
    mapped = getattr(parsed, "ipv4_mapped", None)
    inner = mapped if mapped is not None and ip_network(kept).version == 4 else parsed
    assert inner in ip_network(kept)
    assert fields.networks([kept], "ip_allow") == [kept]


def test_models_are_trimmed_and_each_once() -> None:
    assert fields.model_names([" gpt-5", "openai/gpt-5 ", "gpt-5"]) == ["gpt-5", "openai/gpt-5"]


@pytest.mark.parametrize(("text", "kept"), [("Ada@Example.COM", "ada@example.com"), ("a+b@x", "a+b@x")])
def test_addresses_are_in_small_letters(text: str, kept: str) -> None:
    assert fields.email(text) == kept


@pytest.mark.parametrize("text", ["", "ada", "@", "ada@", "@x", "a b@x", "a@b@c", "a@b\n"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"^email: expected an e-mail address"):
        fields.email(text)


@given(st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=14)))))
def test_every_time_can_be_kept(at: datetime) -> None:
    kept = fields.stored_ms(at)
    assert 0 <= kept < 2**53
    if datetime(1970, 1, 1, tzinfo=UTC) <= at <= datetime(9998, 12, 1, tzinfo=UTC):
        assert timedelta() <= at - moment(kept) < timedelta(milliseconds=1)


def test_no_days_are_never() -> None:
    assert fields.expiry_ms(0, 5) is None
    assert fields.expiry_ms(2, 5) == 2 * 86_400_000 + 5


@given(st.integers(0, 9_999_999_999))
def test_a_multiplier_is_exact(ppm: int) -> None:
    assert fields.multiplier_ppm(fields.multiplier(ppm)) == ppm
