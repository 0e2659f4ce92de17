from __future__ import annotations

import re
from pathlib import Path

import pytest

from torouter.wire.headers import TO_CLIENT, TO_UPSTREAM, client_block, upstream_block

PAGE = Path(__file__).parents[2] / "docs" / "headers.md"

NEVER = [
    *(b"authorization", b"x-api-key", b"x-goog-api-key", b"cookie", b"set-cookie", b"proxy-authorization", b"host"),
    *(b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"content-length", b"expect"),
    *(b"x-forwarded-for", b"x-forwarded-host", b"forwarded", b"via", b"x-real-ip", b"openai-organization"),
    *(b"accept-encoding", b"anthropic-organization-id", b"x-ratelimit-remaining-requests", b"server"),
]


@pytest.mark.parametrize("name", NEVER)
def test_these_never_pass_in_either_direction(name: bytes) -> None:
    assert upstream_block([(name, b"x")]) == b""
    assert client_block([(name, b"x")]) == b""


def test_what_passes_does_so_in_order_and_as_often_as_it_came() -> None:
    headers = [(b"anthropic-beta", b"a"), (b"cookie", b"no"), (b"anthropic-beta", b"b"), (b"accept", b"*/*")]
    assert upstream_block(headers) == b"anthropic-beta: a\r\nanthropic-beta: b\r\naccept: */*\r\n"


def test_the_page_says_what_the_tables_say() -> None:
    told = re.findall(
        r"^\| `([a-z0-9_-]+)` \| (.+) \|$", PAGE.read_text("utf-8").split("## What the gateway adds")[0], re.M
    )
    assert told == [(name.decode(), why) for table in (TO_UPSTREAM, TO_CLIENT) for name, why in table.items()]
