from __future__ import annotations

import pytest

from torouter.access.ip_rules import Addresses, address_of, canonical_cidr, rules_of
from torouter.errors import ConfigError

V4, V6 = "203.0.113.7", "2001:db8::7"


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize(
    ("allowed", "denied", "expected"),
    [
        ("inside", "none", True),
        ("outside", "none", False),
        ("none", "inside", False),
        ("none", "outside", True),
        ("inside", "outside", True),
        ("inside", "inside", False),
        ("outside", "inside", False),
        ("outside", "outside", False),
    ],
)
def test_the_table(address: str, allowed: str, denied: str, expected: bool) -> None:
    inside = ("203.0.113.0/24", "2001:db8::/32")
    sets = {"none": (), "inside": inside, "outside": ("198.51.100.0/24", "2001:db9::/32")}
    rules = rules_of(sets[allowed], sets[denied])
    assert rules is not None
    assert rules.admits(address) is expected


def test_no_rules_are_none() -> None:
    assert rules_of((), ()) is None


def test_rules_that_are_the_same_are_one_object() -> None:
    assert rules_of(("10.0.0.0/8",), ()) is rules_of(("10.0.0.0/8",), ())


@pytest.mark.parametrize(
    ("cidr", "address", "expected"),
    [
        ("203.0.113.7/32", V4, True),
        ("203.0.113.7", V4, True),
        ("203.0.113.8/32", V4, False),
        ("2001:db8::7/128", V6, True),
        ("2001:db8::8/128", V6, False),
        ("2001:0DB8:0::/48", V6, True),
        ("0.0.0.0/0", V4, True),
        ("0.0.0.0/0", V6, False),
        ("::/0", V6, True),
        ("::/0", V4, False),
        ("203.0.113.0/24", "::ffff:203.0.113.7", True),
        ("::ffff:203.0.113.0/120", V4, True),
        ("::ffff:203.0.113.7", V4, True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("10.0.0.0/8", "not an address", False),
        ("10.0.0.0/8", "", False),
    ],
)
def test_prefixes_and_mapped_addresses(cidr: str, address: str, expected: bool) -> None:
    rules = rules_of((canonical_cidr(cidr),), ())
    assert rules is not None
    assert rules.admits(address) is expected


def test_an_address_that_is_none_passes_no_deny_list_either() -> None:
    rules = rules_of((), ("10.0.0.0/8",))
    assert rules is not None
    assert not rules.admits("10.0.0.one")


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1/24", "10.0.0/8", "10.0.0.0/33", "::/129", "example.com", "1", "10.0.0.1 2"]
)
def test_what_is_no_cidr(text: str) -> None:
    with pytest.raises(ConfigError):
        canonical_cidr(text)


def test_the_canonical_form() -> None:
    assert canonical_cidr(" 192.0.2.7 ") == "192.0.2.7/32"
    assert canonical_cidr("2001:DB8:0:0::/32") == "2001:db8::/32"
    assert canonical_cidr("::ffff:0:0/96") == "0.0.0.0/0"


def test_an_address_has_one_form() -> None:
    assert str(address_of("::ffff:192.0.2.1")) == "192.0.2.1"
    assert str(address_of("2001:0db8::0001")) == "2001:db8::1"
    assert address_of("192.0.2.01") is None
    assert not Addresses(())
