"""What must not be done twice because it was asked for twice: whoever asks again is given the first one's answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final, TypeVar

import msgspec

from torouter.accounts.cipher import Cipher
from torouter.accounts.office.desk import Desk
from torouter.accounts.pepper import derived_key

__all__ = ["do_once"]

T = TypeVar("T")

_ANSWERS: Final = "done once"
_NAMES: Final = "names of what was done once"
_NAME_BYTES: Final = 32


def do_once(desk: Desk, words: Sequence[str], made: type[T], keep_ms: int, work: Callable[[], T]) -> T:
    """What `work` returns, or has returned to the same actor for the same words, whichever process was asked; for so
    long after. `made` is the answer's type, which must survive JSON.

    `work` is done in the transaction that keeps its answer, and others that change something wait for it: it is to
    change the store and nothing else. Where it fails nothing is kept, and it may be tried again. Answers may hold
    secrets that are shown once: they are sealed, and bound to their words.
    """
    name, cipher = _name(desk, words), Cipher(desk.pepper, _ANSWERS)
    with desk.changing():
        sealed = desk.store.find_done(name, desk.now_ms())
        if sealed is not None:
            return msgspec.json.decode(cipher.decrypt(sealed, name), type=made)
        done = work()
        desk.store.keep_done(name, cipher.encrypt(msgspec.json.encode(done), name), desk.now_ms() + keep_ms)
    return done


def _name(desk: Desk, words: Sequence[str]) -> bytes:
    """Each with its length, so that no two lists of words become the same bytes."""
    name = blake2b(key=derived_key(desk.pepper, _NAMES), digest_size=_NAME_BYTES)
    for word in (desk.actor.name, *words):
        text = word.encode("utf-8", "surrogatepass")
        name.update(b"%d %b" % (len(text), text))
    return name.digest()
