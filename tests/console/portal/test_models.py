"""The catalogue, when there is much in it."""

from __future__ import annotations

import re

from tests.console.portal.lobby import Lobby
from torouter.channels import KINDS, Channel


def test_a_long_catalogue_comes_in_parts(lobby: Lobby) -> None:
    names = [f"model-{number:03d}" for number in range(250)]
    lobby.serve(Channel(name="many", kind=KINDS["openai"], models={name: name for name in names}))
    browser = lobby.signed()
    seen: list[str] = []
    for part, count in ((1, 100), (2, 100), (3, 50)):
        answer = browser.get(f"/models?search=model&page={part}")
        listed = re.findall(r'href="/model\?name=(model-\d+)"', answer.text)
        assert len(listed) == count
        assert len(answer.content) < 90_000
        seen += listed
    assert seen == names
    assert "250" in browser.get("/models").text
