"""Capsules: one provider's opaque state, wrapped so that a client of another dialect keeps it and gives it back.

    magic and version (12 bytes) ‖ filling (1 byte) ‖ payload (msgpack) ‖ zeros ‖ MAC (16 bytes)

in base64url. The zeros fill up to a multiple of three bytes, so that there never is padding and no two texts stand for
the same bytes. No clock and no nonce: a history that holds capsules stays the same to the byte. Only the tenant whose
key made a capsule can open it; whatever else a client sends in its place is somebody's own state, and not ours.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final, Literal

import msgspec

from torouter.canon.blocks import Blob, BlobKind, Origin
from torouter.units import Dialect

__all__ = ["MARK", "PREFIX", "SIZE_LIMIT", "Capsule", "Place", "Tenant", "is_capsule", "is_marked", "wrap"]

PREFIX: Final = "TOROUTERCAPSULEA"
"""How every capsule begins, in both alphabets of base64: a body without it holds none. Long, and of letters that are
rare in JSON, because most bodies are only searched for it: 0.2 µs per kB, half of what eight letters take."""
MARK: Final = PREFIX.encode()
SIZE_LIMIT: Final = 64 * 1024
"""Characters. A larger one would fill up its client's history, and travels in no slot."""

Place = Literal["reasoning", "call", "text", "empty"]
"""What the state came on. `empty`: a text part that has nothing but the state."""

_MAC_BYTES: Final = 16
_SCOPE_BYTES: Final = 8
_MAGIC: Final = base64.b64decode(PREFIX)
_LEAST_BYTES: Final = len(_MAGIC) + 1 + _MAC_BYTES
_TO_STANDARD: Final = str.maketrans("-_", "+/")


def is_marked(text: bytes) -> bool:
    """May it hold a capsule? `in` finds the same, but asks first whether the mark is a number, and CPython makes an
    exception of the answer: 2,800 instructions each time."""
    return text.find(MARK) >= 0


class Capsule(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """`dialect` is the family that issued the state, `scope` (as its tenant spells it) where within that it is valid.

    `form` says how `data` was spelled: text as it came, or standard or URL-safe base64, of which the bytes are kept.
    `text` is the visible reasoning that belongs to the state, where the slot has no place for it; `item` the issuer's
    id for it; `is_first`: nothing had been said or called before it.
    """

    dialect: Dialect
    scope: bytes
    kind: BlobKind
    place: Place
    form: Literal["text", "standard", "url"]
    data: bytes
    text: str = ""
    item: str = ""
    is_first: bool = False

    def blob(self) -> Blob:
        """The state as its issuer spelled it."""
        origin = Origin(dialect=self.dialect)
        if self.form == "text":
            return Blob(kind=self.kind, data=self.data.decode(), origin=origin)
        encode = base64.b64encode if self.form == "standard" else base64.urlsafe_b64encode
        return Blob(kind=self.kind, data=encode(self.data).decode("ascii"), origin=origin)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Capsule).decode


def wrap(blob: Blob, scope: bytes, place: Place, *, text: str = "", item: str = "", is_first: bool = False) -> Capsule:
    form, data = _packed(blob.data)
    return Capsule(
        dialect=blob.origin.dialect,
        scope=scope,
        kind=blob.kind,
        place=place,
        form=form,
        data=data,
        text=text,
        item=item,
        is_first=is_first,
    )


def is_capsule(text: str) -> bool:
    """Does it look like one? `Tenant.open` tells whether it is."""
    return text.startswith(PREFIX)


class Tenant:
    """Whose capsules they are. `key` is 32 bytes, derived from the installation's secret and the account."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def scope(self, identity: bytes) -> bytes:
        """A scope as this tenant spells it: nobody else can tell from it which upstream is meant."""
        return self.digest(b"scope " + identity)[:_SCOPE_BYTES]

    def digest(self, data: bytes) -> bytes:
        """32 bytes that only this tenant's key makes. `data` never begins as a capsule does."""
        return hmac.digest(self._key, data, "sha256")

    def seal(self, capsule: Capsule) -> str:
        payload = _encode(capsule)
        filling = -(_LEAST_BYTES + len(payload)) % 3
        body = b"%b%c%b%b" % (_MAGIC, filling, payload, bytes(filling))
        return base64.urlsafe_b64encode(body + self._mac(body)).decode("ascii")

    def open(self, token: str) -> Capsule | None:
        """`None` for anything that this tenant did not make, to the byte; its base64 may have been spelled anew."""
        raw = _bytes_of(token) if is_capsule(token) else b""
        if len(raw) < _LEAST_BYTES:
            return None
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(self._mac(body), mac):
            return None
        try:
            return _decode(body[len(_MAGIC) + 1 : len(body) - body[len(_MAGIC)]])
        except msgspec.DecodeError:
            return None

    def _mac(self, body: bytes) -> bytes:
        return self.digest(body)[:_MAC_BYTES]


def _packed(data: str) -> tuple[Literal["text", "standard", "url"], bytes]:
    """The bytes behind base64 that is spelled in the one canonical way: a quarter less to carry."""
    try:
        raw = binascii.a2b_base64(data.encode("ascii").translate(bytes.maketrans(b"-_", b"+/")), strict_mode=True)
    except ValueError:
        return "text", data.encode()
    if base64.b64encode(raw).decode("ascii") == data:
        return "standard", raw
    if base64.urlsafe_b64encode(raw).decode("ascii") == data:
        return "url", raw
    return "text", data.encode()


def _bytes_of(token: str) -> bytes:
    """Either alphabet, with padding or without."""
    try:
        return binascii.a2b_base64(token.rstrip("=").translate(_TO_STANDARD), strict_mode=True)
    except ValueError:
        return b""
