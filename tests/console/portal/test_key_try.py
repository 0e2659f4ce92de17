"""What a key's form would be refused for, while it is filled in; and whether a request would pass."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.console.portal.lobby import Lobby
from torouter.channels import KINDS, Channel
from torouter.console.portal.catalogue import ENDPOINTS
from torouter.ledger.prices import UnknownPrice


def checked(lobby: Lobby, email: str = "ada@example.com", **fields: str) -> dict[str, Any]:
    answer = lobby.signed(email).post("/keys/check", None, **fields)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


class TestChecking:
    @pytest.mark.parametrize(
        ("field", "text", "told"),
        [
            ("name", " ", "Give it a name"),
            ("cap_usd", "12,5.0.0", "Expected US dollars"),
            ("rpm", "many", "Expected a whole number"),
            ("limit_5h", "9" * 14, "Expected a whole number"),
            ("ip_allow", "203.0.113.0/24\n300.1.1.1", "Line 2: Expected an address"),
            ("ip_deny", "fe80::1%eth0", "Line 1: Expected an address"),
            ("ip_deny", "<script>alert(1)</script>", "Line 1: Expected an address"),
            ("models", "gpt-5\n" + "m" * 201, "Line 2: Expected the name of a model"),
            ("expires_on", "soon", "Expected a date"),
            ("group", "platinum", "cannot use that group"),
        ],
    )
    def test_says_at_each_field_what_sending_would(self, lobby: Lobby, field: str, text: str, told: str) -> None:
        form = {"name": "laptop", "group": "default"} | {field: text}
        problems = checked(lobby, **form)["problems"]
        assert list(problems) == [field]
        assert problems[field].startswith(told) or told in problems[field]
        sent = lobby.signed().post("/keys/new", None, **form)
        assert sent.status_code in (400, 404)
        assert told in sent.text

    def test_all_fields_at_once(self, lobby: Lobby) -> None:
        found = checked(lobby, name="", ip_allow="x", rpm="-1", tpm="5")
        assert set(found["problems"]) == {"name", "ip_allow", "rpm"}

    def test_nothing_is_wrong(self, lobby: Lobby) -> None:
        form = {"name": "a", "ip_allow": "::1, 10.0.0.0/8", "models": "gpt-5\ngpt-5-thinking", "cap_usd": "$1,000.50"}
        assert checked(lobby, **form) == {"problems": {}, "notes": {}}

    def test_models_that_nobody_has_are_worth_a_word(self, lobby: Lobby) -> None:
        found = checked(lobby, name="a", models="gpt-5\n" + "\n".join(f"dragon-{n}" for n in range(9)))
        assert found["problems"] == {}
        assert "dragon-0, dragon-1, dragon-2, dragon-3, dragon-4 …" in found["notes"]["models"]

    def test_writes_nothing(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key()
        before = (lobby.store.audit_page(limit=100), lobby.store.get_key(key_id))
        assert browser.post("/keys/check", key=str(key_id), name="other", rpm="5").json()["problems"] == {}
        assert (lobby.store.audit_page(limit=100), lobby.store.get_key(key_id)) == before
        assert len(lobby.store.list_keys()) == 1

    def test_of_anothers_key_it_says_nothing(self, lobby: Lobby) -> None:
        key_id, _ = lobby.signed().make_key()
        for target in (str(key_id), "777"):
            assert lobby.signed("bob@example.com").post("/keys/check", key=target, name="x").status_code == 404

    def test_a_group_that_the_key_is_in_may_stay(self, lobby: Lobby) -> None:
        lobby.store.create_group("gold")
        key_id, _ = lobby.signed("bob@example.com").make_key()
        lobby.store.change_key(key_id, {"group": "gold"})
        assert checked(lobby, "bob@example.com", key=str(key_id), name="a", group="gold")["problems"] == {}
        assert "group" in checked(lobby, "bob@example.com", name="a", group="gold")["problems"]

    def test_in_the_readers_language(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        browser.client.cookies.set("torouter_language", "zh-CN")
        assert browser.post("/keys/check", name="").json()["problems"]["name"].startswith("请")


class TestTrying:
    def tried(self, lobby: Lobby, query: str, email: str = "ada@example.com", **fields: str) -> str:
        browser = lobby.signed(email)
        key_id, _ = browser.make_key(**fields)
        lobby.follow()
        answer = browser.get(f"/keys/{key_id}/try?{query}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def test_what_is_left_of_each_limit(self, lobby: Lobby) -> None:
        html = self.tried(lobby, "model=gpt-5", cap_usd="2.50", limit_5h="10", limit_7d="100")
        assert "It passes" in html
        assert re.search(r"Spend cap of this key</dt><dd>\$2\.50 <span class=\"soft\">/ \$2\.50", html)
        assert re.search(r"Requests in 5 hours</dt><dd>10 <span class=\"soft\">/ 10", html)

    def test_the_address_counts(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key(ip_allow="198.51.100.0/24")
        lobby.follow()
        for address, told in (("198.51.100.7", "It passes"), ("::ffff:198.51.100.7", "It passes"), ("::1", "ip not")):
            assert told in browser.get(f"/keys/{key_id}/try?model=gpt-5&address={address}").text
        assert "ip not allowed" in browser.get(f"/keys/{key_id}/try?model=gpt-5").text, "the reader's own"

    def test_channels_are_the_operators_business(self, lobby: Lobby) -> None:
        assert "Who would be asked" in self.tried(lobby, "model=gpt-5")
        assert "Who would be asked" not in self.tried(lobby, "model=gpt-5", "bob@example.com")

    def test_why_a_channel_is_not_asked_is_in_the_readers_language(self, lobby: Lobby) -> None:
        gold = Channel(name="gold", kind=KINDS["demo"], groups=frozenset({"gold"}))
        lobby.serve(Channel(name="demo", kind=KINDS["demo"]), gold)
        browser = lobby.signed()
        key_id, _ = browser.make_key()
        lobby.follow()
        assert "not for group default" in browser.get(f"/keys/{key_id}/try?model=gpt-5").text
        browser.client.cookies.set("torouter_language", "zh-CN")
        assert "不供分组 default 使用" in browser.get(f"/keys/{key_id}/try?model=gpt-5").text

    @pytest.mark.parametrize(
        ("unknown", "cap_usd", "passes"),
        [
            ("flag", "", True),
            ("flag", "5", True),
            ("refuse-if-limited", "", True),
            ("refuse-if-limited", "5", False),
            ("refuse", "", False),
            ("refuse", "5", False),
        ],
    )
    def test_a_model_without_a_price(self, lobby: Lobby, unknown: UnknownPrice, cap_usd: str, passes: bool) -> None:
        """As `prices.unknown` has it."""
        lobby.serve(Channel(name="bare", kind=KINDS["openai"]), unknown_price=unknown)
        html = self.tried(lobby, "model=gpt-5", cap_usd=cap_usd)
        assert ("It passes" in html) is passes
        assert ("Nobody has told a price" in html) is not passes
        assert ("<code>model_not_priced</code>" in html) is not passes

    def test_how_long_an_answer_may_be_counts(self, lobby: Lobby) -> None:
        """Of a strict key, which is never let past what it has: a million tokens for ten dollars are a dollar for a
        hundred thousand."""
        lobby.store.add_price("gpt-5", "", 0, {"output_per_mtok": 10 * 10**9}, "")
        lobby.serve(Channel(name="bare", kind=KINDS["openai"]))
        fields = {"cap_usd": "1", "is_strict": "yes"}
        assert "It passes" in self.tried(lobby, "model=gpt-5&output_tokens=90000", **fields)
        refused = self.tried(lobby, "model=gpt-5&output_tokens=110000", **fields)
        assert "The spend cap of this key is reached" in refused
        assert 'value="110000"' in refused

    @pytest.mark.parametrize(
        ("said", "expected"), [("", "1,024"), ("0", "1,024"), ("7", "7"), ("3,000", "3,000"), ("9000", "4,096")]
    )
    def test_of_which_request_it_speaks(self, lobby: Lobby, said: str, expected: str) -> None:
        html = self.tried(lobby, f"model=gpt-5&output_tokens={said}")
        assert f"is expected to have {expected} tokens" in html

    def test_every_endpoint_can_be_asked_for(self, lobby: Lobby) -> None:
        """With limits on money and tokens, and strict, so that everything is weighed."""
        browser = lobby.signed()
        key_id, _ = browser.make_key(cap_usd="5", tpm="100000", is_strict="yes")
        lobby.follow()
        for path, _, _ in ENDPOINTS:
            query = urlencode({"model": "gpt-5", "path": path, "output_tokens": "5"})
            assert "It passes" in browser.get(f"/keys/{key_id}/try?{query}").text, path

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ("model=", "Expected the name of a model"),
            ("model=" + "m" * 201, "Expected the name of a model"),
            ("model=a&path=/v1/files", "Expected one of the endpoints"),
            ("model=a&address=elsewhere", "Expected an address"),
            ("model=a&address=", "Expected an address"),
            ("model=a&output_tokens=many", "Expected a whole number"),
        ],
    )
    def test_what_cannot_be_read(self, lobby: Lobby, query: str, told: str) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key()
        answer = browser.get(f"/keys/{key_id}/try?{query}")
        assert answer.status_code == 400
        assert told in answer.text

    def test_hostile_words_stay_words(self, lobby: Lobby) -> None:
        html = self.tried(lobby, "model=%3Cscript%3Ealert(1)%3C/script%3E")
        assert "It is refused" in html
        assert "<script>alert" not in html

    def test_the_keys_page_has_the_form(self, lobby: Lobby) -> None:
        browser = lobby.signed()
        key_id, _ = browser.make_key()
        assert f'action="/keys/{key_id}/try"' in browser.get(f"/keys/{key_id}").text
        assert "/try" not in browser.get("/keys/new").text
