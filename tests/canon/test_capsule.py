"""Capsules: the same bytes for the same state, and nothing but what their own tenant made is ever opened."""

from __future__ import annotations

import base64
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter.canon.blocks import Blob, BlobKind, Origin
from torouter.canon.capsule import PREFIX, Capsule, Place, Tenant, is_capsule, wrap
from torouter.units import DIALECTS, Dialect

TENANT, OTHER = Tenant(b"k" * 32), Tenant(b"l" * 32)
SIGNATURE = "ErUBCkYIBxgCKkD/+w=="


def blob(data: str = SIGNATURE, kind: BlobKind = "signature", dialect: Dialect = "anthropic") -> Blob:
    return Blob(kind=kind, data=data, origin=Origin(dialect=dialect))


def sealed(data: str = SIGNATURE, text: str = "hm") -> str:
    return TENANT.seal(wrap(blob(data), TENANT.scope(b"there"), "reasoning", text=text, item="rs_1"))


@given(
    data=st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()),
    text=st.text(),
    item=st.text(),
    kind=st.sampled_from(get_args(BlobKind)),
    dialect=st.sampled_from(DIALECTS),
    place=st.sampled_from(get_args(Place)),
    is_first=st.booleans(),
)
def test_what_is_wrapped_is_unwrapped(
    data: str, text: str, item: str, kind: BlobKind, dialect: Dialect, place: Place, is_first: bool
) -> None:
    capsule = wrap(blob(data, kind, dialect), TENANT.scope(b"x"), place, text=text, item=item, is_first=is_first)
    token = TENANT.seal(capsule)
    assert token.isascii()
    assert token.startswith(PREFIX)
    assert not token.rstrip("-_").endswith("=")
    assert len(token) % 4 == 0
    opened = TENANT.open(token)
    assert opened == capsule
    assert opened.blob() == blob(data, kind, dialect)


def test_the_same_state_is_the_same_capsule() -> None:
    assert sealed() == sealed()
    assert Tenant(b"k" * 32).seal(wrap(blob(), b"s" * 8, "call")) == TENANT.seal(wrap(blob(), b"s" * 8, "call"))


def test_another_tenants_is_nobodys() -> None:
    assert OTHER.open(sealed()) is None
    assert OTHER.scope(b"there") != TENANT.scope(b"there")


def test_every_changed_byte_is_noticed() -> None:
    raw = base64.urlsafe_b64decode(sealed())
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        assert TENANT.open(base64.urlsafe_b64encode(changed).decode()) is None, place


def test_every_truncation_is_noticed() -> None:
    token = sealed()
    assert [TENANT.open(token[:length]) for length in range(len(token))] == [None] * len(token)
    assert TENANT.open(token + "AAAA") is None


@pytest.mark.parametrize("data", [b"\xfb\xff\xbe" * 9, b"\x00", b"ab", b""])
def test_base64_may_be_spelled_anew(data: bytes) -> None:
    """google-genai gives bytes back in the URL-safe alphabet with padding, others in the standard one."""
    token = sealed(base64.b64encode(data).decode())
    raw = base64.urlsafe_b64decode(token)
    spelled = {token, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), f"{token}=="}
    assert {TENANT.open(each) for each in spelled} == {TENANT.open(token)}
    assert TENANT.open(token) is not None


@pytest.mark.parametrize("data", ["AB==", "A", "a b", "-_+/", "AAA", "é", "gAAAA_-=", "+/8="])
def test_state_keeps_its_issuers_spelling(data: str) -> None:
    opened = TENANT.open(sealed(data))
    assert opened is not None
    assert opened.blob().data == data


def test_base64_is_carried_as_bytes() -> None:
    short, long = sealed(base64.b64encode(bytes(3000)).decode(), ""), sealed("!" * 4000, "")
    assert len(short) < len(long) - 1000


@pytest.mark.parametrize("text", ["", SIGNATURE, PREFIX, f"{PREFIX}!!!!", f"{PREFIX}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
def test_somebody_elses_state_is_not_opened(text: str) -> None:
    assert TENANT.open(text) is None
    assert is_capsule(text) == text.startswith(PREFIX)


def test_a_capsule_of_a_form_to_come_is_not_opened() -> None:
    """Its version is in the mark, so this one has the right mark, the right key and an unknown word."""
    capsule = Capsule(dialect="anthropic", scope=b"", kind="signature", place="call", form="text", data=b"")
    token = TENANT.seal(
        Capsule(**{**{name: getattr(capsule, name) for name in capsule.__struct_fields__}, "kind": "x"})
    )
    assert TENANT.open(token) is None
