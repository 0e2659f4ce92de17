"""The same conversation goes where it was before: there its prefix is cached, and costs a tenth."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["affinity_key"]


def affinity_key(account_id: int, model: str, named: bytes | None, prefix: bytes | None) -> bytes | None:
    """16 bytes that all requests of a conversation have in common. `named` is what the client calls it; where it does
    not, `prefix` is what its requests begin with. `None`: neither is known.

    Never the same for two accounts: nobody learns or bends where another's requests go.
    """
    if named is None and prefix is None:
        return None
    digest = blake2b(b"%d\0%b\0" % (account_id, model.encode()), digest_size=16)
    digest.update(b"named\0" + named if named is not None else b"prefix\0" + (prefix or b""))
    return digest.digest()
