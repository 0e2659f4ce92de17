"""The catalogue and what names its models, when there is much in it."""

from __future__ import annotations

import re

import pytest

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


class TestKeysForm:
    @pytest.mark.parametrize("path", ["/keys/new", "/keys/{key}", "/keys/{key}/try"])
    def test_names_some_of_thousands(self, lobby: Lobby, path: str) -> None:
        names = [f"model-{number:04d}" for number in range(5000)]
        lobby.serve(Channel(name="many", kind=KINDS["openai"], models={name: name for name in names}))
        browser = lobby.signed()
        key, _ = browser.make_key()
        html = browser.get(path.format(key=key)).text
        assert len(html) < 50_000
        assert "model-0199" in html
        assert "model-0200" not in html
        if not path.endswith("/try"):
            assert "5,000 models that this account can call" in html
            assert 'model-0199 …</p><p class="hint"><a href="/models">All of them</a>' in html

    def test_names_all_of_few(self, lobby: Lobby) -> None:
        lobby.serve(Channel(name="few", kind=KINDS["openai"], models={"one": "one", "two": "two"}))
        html = lobby.signed().get("/keys/new").text
        assert "one, two</p></details>" in html
        assert "All of them" not in html

    def test_tries_what_the_key_may_call(self, lobby: Lobby) -> None:
        lobby.serve(Channel(name="few", kind=KINDS["openai"], models={"one": "one", "two": "two"}))
        browser = lobby.signed()
        key, _ = browser.make_key(models="two")
        for path in (f"/keys/{key}", f"/keys/{key}/try"):
            assert '<datalist id="try-models"><option>two</option></datalist>' in browser.get(path).text
