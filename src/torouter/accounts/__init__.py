"""Accounts and what is theirs: keys, the pepper they are hashed with, kept responses, what became of requests, and the
first account of a new store.

A key's text exists in two places only: in the hands of its owner, and for the moment in which it is made.
"""

from torouter.accounts.cipher import Cipher
from torouter.accounts.first import FIRST_KEY_VARIABLE, Announcement, FirstKey, ensure_account, ensure_first
from torouter.accounts.kept_responses import Keeping, KeptResponses
from torouter.accounts.keys import DEFAULT_GROUP, add_key, check_key, hash_key, shown_parts
from torouter.accounts.own_requests import OwnRequests
from torouter.accounts.pepper import derived_key, load_pepper

__all__ = [
    "DEFAULT_GROUP",
    "FIRST_KEY_VARIABLE",
    "Announcement",
    "Cipher",
    "FirstKey",
    "Keeping",
    "KeptResponses",
    "OwnRequests",
    "add_key",
    "check_key",
    "derived_key",
    "ensure_account",
    "ensure_first",
    "hash_key",
    "load_pepper",
    "shown_parts",
]
