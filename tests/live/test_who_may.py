"""Who gets in: every route of a running gateway, asked by every sort of caller, and what is another's.

Routes are read from the tables that serve them, so a new one is walked without being named here. Kept responses have
a test of their own, in `test_kept_responses.py`.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser.household import session_token
from tests.live.gateway import FIRST_KEY, Gateway
from torouter.console.admin.site import ENDPOINTS, PREFIX
from torouter.console.portal import PAGES
from torouter.store import Store
from torouter.surfaces import anthropic, openai

ADMIN_TOKEN: Final = "operators-own-admin-token-0001"
STRANGERS: Final = ("nobody", "a wrong key", "a wrong session")
SESSIONS: Final = ("a user's session", "an administrator's session")
KEYS: Final = ("a user's key", "an administrator's key")
SORTS: Final = (*STRANGERS, *SESSIONS, *KEYS, "an admin token")

ROLES: Final = {"ada": "an administrator's", "bob": "a user's"}

CALLS: Final = sorted(path.decode() for path in {**openai.ROUTES, **anthropic.ROUTES})
VERBS: Final = ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents")
GEMINI: Final = [f"{mount}/v1beta/models/gpt-5:{verb}" for mount in ("", "/api") for verb in VERBS]
READS: Final = [
    f"{mount}{path}"
    for mount in ("", "/api")
    for path in ("/v1/models", "/v1/models/gpt-5", "/v1beta/models", "/v1beta/models/gpt-5")
]


_ADDRESSES: Final = (str(IPv4Address("10.0.0.1") + number) for number in count())


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class House:
    """Ada is the first account and an administrator, Bob is a user. Each has a key and has made a request with it."""

    gateway: Gateway
    headers: dict[str, dict[str, str]]
    """By the sort of caller."""
    key_ids: dict[str, int]
    request_ids: dict[str, str]

    def ask(self, sort: str, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        """The status, and where to."""
        return ask(self.gateway, method, path, self.headers[sort], body)[:2]


def ask(
    gateway: Gateway, method: str, path: str, headers: dict[str, str], body: bytes | None = None
) -> tuple[int, str, bytes, str]:
    """The status, where to, the body, and the request's id. Each comes from an address of its own, so that no guess is
    slowed down for the one before."""
    headers = {**headers, "x-forwarded-for": next(_ADDRESSES)}
    if body is not None and "content-type" not in headers:
        headers = {**headers, "content-type": "application/json"}
    request = urllib.request.Request(gateway.url + path, body, headers, method=method)
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=30) as answer:
            return answer.status, "", answer.read(), answer.headers["x-request-id"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get("location", ""), error.read(), error.headers["x-request-id"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("who")
    sections = {"server": {"trusted_proxies": ["127.0.0.1/32"]}}
    with Gateway(folder, environment={"TOROUTER_ADMIN_TOKEN": ADMIN_TOKEN}, **sections) as gateway:
        operator = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        with Store.open(gateway.data) as store:
            store.change_account(1, {"email": "ada@example.com"})
        made = {"email": "bob@example.com", "billing": "unlimited"}
        bob = _made(gateway, operator, "/accounts", made)["id"]
        key = _made(gateway, operator, "/keys", {"name": "of bob", "account_id": bob})
        bearers = {"ada": FIRST_KEY, "bob": str(key["secret"])}
        sessions = {
            "ada": session_token(gateway, "session-of-ada"),
            "bob": session_token(gateway, "session-of-bob", account_id=bob),
        }
        yield House(
            gateway,
            headers={
                "nobody": {},
                "a wrong key": {"authorization": "Bearer sk-wrong", "x-api-key": "sk-wrong"},
                "a wrong session": {"cookie": "torouter_session=wrong"},
                "a user's session": {"cookie": f"torouter_session={sessions['bob']}"},
                "an administrator's session": {"cookie": f"torouter_session={sessions['ada']}"},
                "a user's key": {"authorization": f"Bearer {bearers['bob']}"},
                "an administrator's key": {"authorization": f"Bearer {bearers['ada']}"},
                "an admin token": operator,
            },
            key_ids={"ada": 1, "bob": int(key["key"]["id"])},
            request_ids={name: _request(gateway, bearer) for name, bearer in bearers.items()},
        )


def _made(gateway: Gateway, headers: dict[str, str], path: str, form: object) -> Any:
    status, _, body, _ = ask(gateway, "POST", PREFIX + path, headers, json.dumps(form).encode())
    assert status == 201, body
    return json.loads(body)["data"]


def _request(gateway: Gateway, bearer: str) -> str:
    body = json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": "hi"}]}).encode()
    status, _, _, request_id = ask(gateway, "POST", "/v1/chat/completions", {"authorization": f"Bearer {bearer}"}, body)
    assert status == 200
    return request_id


def pages() -> list[tuple[str, str, str]]:
    """Method, path and whom the page is for; what a path names is Ada's."""
    return [(method, page.path, page.who) for page in PAGES for method in page.methods]


@pytest.mark.parametrize("sort", SORTS)
def test_pages(house: House, sort: str) -> None:
    for method, path, who in pages():
        status, location = house.ask(sort, method, _named(house, path, "ada"), b"" if method == "POST" else None)
        is_sent_away = status == 303 and location.startswith("/sign-in?next=")
        if who == "anyone":
            assert not is_sent_away, (method, path)
        elif sort not in SESSIONS:
            assert is_sent_away, (method, path, status)
        elif who == "admin" and sort == "a user's session":
            assert status == 403, (method, path)
        else:  # a form without the session's own word, or of no form's type, is refused as such
            assert not is_sent_away, (method, path)
            assert status in ((403, 415) if method == "POST" else (200, 303, 404)), (method, path)


@pytest.mark.parametrize("sort", [sort for sort in SORTS if sort != "an admin token"])
def test_the_management_api(house: House, sort: str) -> None:
    before = _audited(house)
    for endpoint in ENDPOINTS:
        path = PREFIX + "/".join("1" if part.startswith("{") else part for part in endpoint.path.split("/"))
        assert house.ask(sort, endpoint.method, path, b"{}")[0] == 401, endpoint.name
    assert _audited(house) == before


def _audited(house: House) -> int:
    with Store.open(house.gateway.data) as store:
        return len(store.audit_page(limit=1000))


def test_the_management_api_lets_its_own_in(house: House) -> None:
    reads = [endpoint for endpoint in ENDPOINTS if endpoint.method == "GET"]
    for endpoint in reads:
        path = PREFIX + "/".join("1" if part.startswith("{") else part for part in endpoint.path.split("/"))
        assert house.ask("an admin token", "GET", path)[0] in (200, 404), endpoint.name


@pytest.mark.parametrize("sort", SORTS)
def test_what_clients_call(house: House, sort: str) -> None:
    asked = [("POST", path) for path in (*CALLS, *GEMINI)] + [("GET", path) for path in READS]
    for method, path in asked:
        status = house.ask(sort, method, path, b"{}" if method == "POST" else None)[0]
        if sort in KEYS:
            assert status in (200, 400), (method, path)
        else:
            assert status == 401, (method, path)


class TestWhatIsAnothers:
    @pytest.mark.parametrize(("who", "whose"), [("bob", "ada"), ("ada", "bob")], ids=["a user", "an administrator"])
    def test_pages_say_there_is_no_such_thing(self, house: House, who: str, whose: str) -> None:
        sort = f"{ROLES[who]} session"
        walked = [path for method, path, to in pages() if to == "signed" and method == "GET" and "{target}" in path]
        assert walked
        for path in walked:
            assert house.ask(sort, "GET", _named(house, path, who))[0] == 200, path
            assert house.ask(sort, "GET", _named(house, path, whose))[0] == 404, path

    @pytest.mark.parametrize(("who", "whose"), [("bob", "ada"), ("ada", "bob")], ids=["a user", "an administrator"])
    def test_so_does_the_api(self, house: House, who: str, whose: str) -> None:
        sort = f"{ROLES[who]} key"
        assert house.ask(sort, "GET", f"/v1/requests/{house.request_ids[who]}")[0] == 200
        assert house.ask(sort, "GET", f"/v1/requests/{house.request_ids[whose]}")[0] == 404


def _named(house: House, path: str, whose: str) -> str:
    """A page's path, with what it names."""
    target = house.request_ids[whose] if path.startswith("/usage") else str(house.key_ids[whose])
    return path.replace("{target}", target) + ("?name=gpt-5" if path == "/model" else "")
