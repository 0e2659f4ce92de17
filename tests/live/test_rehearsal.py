"""What the portal foretells of a request is what the API then answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

import httpx2 as httpx
import pytest

from tests.live.gateway import Gateway
from tests.store.entries import entry
from torouter.accounts import hash_key, load_pepper
from torouter.accounts.office.entrance import LIFETIME_MS
from torouter.accounts.office.views import KeyView, key_view
from torouter.store import Store
from torouter.units import new_api_key, wall_ms

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"


@dataclass(frozen=True)
class Case:
    """A key's settings, its account (1 owes nothing, 2 has no balance), and what is asked with it."""

    key: Mapping[str, object]
    account_id: int = 1
    path: str = CHAT
    model: str = "gpt-5"
    output_tokens: int | None = 5
    passes: bool = False


CHANNELS = (
    {"name": "demo", "kind": "demo"},
    {"name": "bare", "kind": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "k", "models": {"bare": "bare"}},
)
"""Of the second nobody knows a price, and nobody gets as far as asking it."""

DEAR = "gpt-5-mini"
"""A million tokens of an answer cost a hundred dollars."""
STRICT: dict[str, object] = {"cap_nusd": 10**9, "is_strict": True}

CASES = {
    "fine": Case({}, passes=True),
    "fine on messages": Case({}, path="/v1/messages", model="claude-opus-4-7", passes=True),
    "fine with limits": Case(
        {"cap_nusd": 10**9, "limit_5h": 5, "rpm": 5, "tpm": 10**6, "concurrency": 3, "ip_allow": ["127.0.0.0/8"]},
        passes=True,
    ),
    "a thinking name of a listed model": Case({"models": ["gpt-5"]}, model="gpt-5-thinking", passes=True),
    "disabled": Case({"status": "disabled"}),
    "expired": Case({"expires_ms": 1}),
    "address denied": Case({"ip_deny": ["127.0.0.1/32"]}),
    "address not among the allowed": Case({"ip_allow": ["203.0.113.0/24"]}),
    "denied before it is expired": Case({"ip_deny": ["127.0.0.1/32"], "expires_ms": 1}),
    "model not listed": Case({"models": ["claude-opus-4-7"]}),
    "model unknown": Case({}, model="no-such-model"),
    "model unknown, on messages": Case({}, model="no-such-model", path="/v1/messages"),
    "cap reached": Case({"cap_nusd": 1_000}),
    "cap reached, and the model is unknown": Case({"cap_nusd": 1_000}, model="no-such-model"),
    "window used up": Case({"limit_5h": 1}),
    "another window used up": Case({"limit_7d": 1}),
    "more than the tokens of a minute": Case({"tpm": 100}, output_tokens=200, passes=True),
    "strict": Case(STRICT, model=DEAR, passes=True),
    "strict, and the answer is long": Case(STRICT, model=DEAR, output_tokens=20_000),
    "strict, and it is long on messages": Case(STRICT, model=DEAR, output_tokens=20_000, path="/v1/messages"),
    "strict, and it is long on responses": Case(STRICT, model=DEAR, output_tokens=20_000, path=RESPONSES),
    "strict, and nothing is said of it": Case(STRICT, model=DEAR, output_tokens=None),
    "no price": Case({}, model="bare"),
    "no price, and a cap": Case({"cap_nusd": 10**9}, model="bare"),
    "no price, and tokens a minute": Case({"tpm": 10**6}, model="bare"),
    "no price, and the cap reached": Case({"cap_nusd": 1_000}, model="bare"),
    "balance empty": Case({}, account_id=2),
    "balance empty, and the model not listed": Case({"models": ["claude-opus-4-7"]}, account_id=2),
}


class Desk:
    """A gateway with a key for each case, and somebody signed in for each account."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.secrets: dict[str, str] = {}
        self.keys: dict[str, KeyView] = {}
        pepper, now_ms = load_pepper(gateway.data, {}, may_create=False), wall_ms()
        with Store.open(gateway.data) as store:
            store.add_price(DEAR, "", 0, {"output_per_mtok": 100 * 10**9}, "")
            store.create_account("bob@example.com", "Bob", "user", "prepaid")
            for account_id in (1, 2):
                store.open_session(
                    account_id, hash_key(pepper, f"session-{account_id}"), now_ms, now_ms + LIFETIME_MS, "127.0.0.1"
                )
            for name, case in CASES.items():
                secret = self.secrets[name] = new_api_key()
                row = store.create_key(
                    account_id=case.account_id, group="default", name=name, key_hash=hash_key(pepper, secret),
                    head="sk-a", tail="z",
                )  # fmt: skip
                self.keys[name] = key_view(store.change_key(row.id, case.key) if case.key else row)
            used = [name for name in CASES if "cap reached" in name or "window" in name]
            store.write_entries(
                [entry(key_id=self.keys[name].id, cost_nusd=1_000, is_windowed=True, at_ms=now_ms) for name in used]
            )

    def foretold(self, name: str) -> tuple[int, str | None, str | None, str] | None:
        """Status, type, code and message; `None`: it passes."""
        case = CASES[name]
        query = urlencode({"model": case.model, "path": case.path, "output_tokens": case.output_tokens or ""})
        answer = httpx.get(
            f"{self.gateway.url}/keys/{self.keys[name].id}/try?{query}",
            cookies={"torouter_session": f"session-{case.account_id}"},
        )
        assert answer.status_code == 200
        if "It passes" in answer.text:
            return None
        found = dict(re.findall(r"<dt>(Status|Type|Code)</dt><dd[^>]*>(?:<code>)?([^<]*)<", answer.text))
        message = re.search(r'id="try-message">([^<]*)<', answer.text)
        assert message is not None
        return int(found["Status"]), found.get("Type"), found.get("Code"), unescape(message[1])

    def answered(self, name: str) -> httpx.Response:
        case = CASES[name]
        body: dict[str, object] = {"model": case.model}
        body["input" if case.path == RESPONSES else "messages"] = [{"role": "user", "content": "Hello"}]
        if case.output_tokens is not None:
            body["max_output_tokens" if case.path == RESPONSES else "max_tokens"] = case.output_tokens
        headers = {"authorization": f"Bearer {self.secrets[name]}"}
        return httpx.post(f"{self.gateway.url}{case.path}", json=body, headers=headers)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("rehearsal")
    with Gateway(folder, channels=CHANNELS, prices={"unknown": "refuse"}) as gateway:
        pass
    desk = Desk(gateway)  # while nobody serves, so that all is known from the start
    with gateway:
        yield desk


@pytest.mark.parametrize("name", CASES)
def test_it_comes_as_foretold(desk: Desk, name: str) -> None:
    foretold = desk.foretold(name)
    answer = desk.answered(name)
    assert (foretold is None) == (answer.status_code == 200) == CASES[name].passes
    if foretold is None:
        return
    error = json.loads(answer.text)["error"]
    status, kind, code, message = foretold
    assert (answer.status_code, error["message"]) == (status, message)
    if kind is not None:
        assert error["type"] == kind
    if code is not None and "code" in error:
        assert error["code"] == code


def test_asking_counts_nothing(desk: Desk) -> None:
    name = "fine with limits"
    for _ in range(20):
        assert desk.foretold(name) is None
    answers = [desk.answered(name).status_code for _ in range(6)]
    assert sorted(answers)[:4] == [200] * 4, "the window of five has had the one request of the other test at most"
    assert 429 in answers
    foretold = desk.foretold(name)
    assert foretold is not None
    assert foretold[0] == 429
