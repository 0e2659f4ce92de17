"""Who may: every endpoint, with every sort of token; and how guessing is slowed down."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from tests.console.admin.desk import OPERATORS_TOKEN, Api, admin_application, bodies, entry, prepare
from torouter.console.admin.call import Endpoint
from torouter.console.admin.gate import OPEN_PATHS
from torouter.console.admin.site import ENDPOINTS, PREFIX, admin_routes
from torouter.console.admin.throttle import Throttle
from torouter.errors import LimitError
from torouter.store import Store

SORTS = ("none", "wrong", "empty", "no scheme", "an API key", "revoked", "expired", "not an administrator's")


def path_of(endpoint: Endpoint) -> str:
    if endpoint.name in bodies():
        return bodies()[endpoint.name][0]
    return "/".join(_part(part) for part in endpoint.path.split("/"))


def _part(part: str) -> str:
    return {"{request_id}": entry(0).usage.request_id}.get(part, "1" if part.startswith("{") else part)


def headers_of(api: Api, store: Store, sort: str) -> dict[str, str]:
    """What a caller of that sort sends."""
    made = api.data("POST", "/tokens", {"name": "tried", "account_id": 2})
    token, token_id = made["secret"], made["token"]["id"]
    if sort == "revoked":
        api.data("DELETE", f"/tokens/{token_id}")
    elif sort == "expired":
        token = api.data("POST", "/tokens", {"name": "old", "account_id": 2, "expires_in_days": 1})["secret"]
    elif sort == "not an administrator's":
        api.data("PATCH", "/accounts/2", {"role": "user"})
    elif sort == "an API key":
        token = api.data("POST", "/keys", {"name": "key", "account_id": 2})["secret"]
    return {
        "none": {},
        "wrong": {"authorization": "Bearer tra-wrong"},
        "empty": {"authorization": "Bearer "},
        "no scheme": {"authorization": OPERATORS_TOKEN},
    }.get(sort, {"authorization": f"Bearer {token}"})


@pytest.mark.parametrize("sort", SORTS)
def test_nobody_else_may_do_anything(store: Store, sort: str) -> None:
    days = 0
    application = admin_application(store, now_ms=lambda: 1_796_000_000_000 + days * 86_400_000)
    with TestClient(application) as client:
        api = Api(client)
        prepare(api)
        headers = headers_of(api, store, sort)
        days = 2
        before = len(store.audit_page(limit=1000))
        expected = 403 if sort == "not an administrator's" else 401
        for endpoint in ENDPOINTS:
            body = bodies().get(endpoint.name, ("", None))[1]
            answer = client.request(endpoint.method, PREFIX + path_of(endpoint), json=body, headers=headers)
            assert answer.status_code == expected, endpoint.name
            assert answer.json()["error"]["type"] == ("forbidden" if expected == 403 else "authentication")
            assert ("www-authenticate" in answer.headers) == (expected == 401)
        for path in ("/nowhere", "/keys/1/nowhere", "/%0a", "/keys//1"):
            assert client.get(PREFIX + path, headers=headers).status_code == expected, path
        assert len(store.audit_page(limit=1000)) == before


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize("is_stored", [True, False], ids=["a stored token", "the operator's"])
def test_an_administrator_may(prepared: Api, store: Store, endpoint: Endpoint, is_stored: bool) -> None:
    api = prepared
    store.write_entries([entry(0)])
    if is_stored:
        api = Api(api.client, api.data("POST", "/tokens", {"name": "ci", "account_id": 1})["secret"])
    answer = api.call(endpoint.method, path_of(endpoint), bodies().get(endpoint.name, ("", None))[1])
    assert answer.status_code == endpoint.status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


def test_the_matrix_knows_every_endpoint() -> None:
    changing = {endpoint.name for endpoint in ENDPOINTS if endpoint.shape == "change"}
    asking = {"explain", "reset_health", "test_channel"}
    assert changing | asking == bodies().keys()
    assert {endpoint.name for endpoint in ENDPOINTS if endpoint.method != "GET"} == changing | asking


def test_only_what_stands_in_the_list_is_open(api: Api) -> None:
    (mount,) = admin_routes(lambda: None, lambda: None)
    assert isinstance(mount, Mount)
    paths = {PREFIX + route.path for route in mount.routes}  # type: ignore[attr-defined]
    is_open = {
        path for path in paths if api.client.get(path.replace("{", "").replace("}", "")).status_code not in (401,)
    }
    assert is_open == set(OPEN_PATHS)


def test_what_one_did_is_last_use_and_audit(prepared: Api, store: Store) -> None:
    made = prepared.data("POST", "/tokens", {"name": "ci", "account_id": 1})
    Api(prepared.client, made["secret"]).data("PATCH", "/keys/1", {"rpm": 5})
    (shown,) = [token for token in prepared.data("GET", "/tokens") if token["id"] == made["token"]["id"]]
    assert shown["last_used_at"] is not None
    row = prepared.data("GET", "/audit")[0]
    assert (row["actor"], row["address"]) == (f"token {made['token']['id']} (ci)", "203.0.113.9")


class TestThrottle:
    def test_guessing_ends(self, store: Store) -> None:
        application = admin_application(store, most_failures=3)
        with TestClient(application, client=("203.0.113.9", 1)) as client:
            statuses = [client.get(f"{PREFIX}/keys", headers=bearer("tra-guess")).status_code for _ in range(5)]
            assert statuses == [401, 401, 401, 429, 429]
            refused = client.get(f"{PREFIX}/keys", headers=bearer(OPERATORS_TOKEN))
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        with TestClient(application, client=("203.0.113.10", 1)) as client:
            assert client.get(f"{PREFIX}/keys", headers=bearer(OPERATORS_TOKEN)).status_code == 200

    def test_no_token_is_no_guess(self, store: Store) -> None:
        with TestClient(admin_application(store, most_failures=1)) as client:
            assert [client.get(f"{PREFIX}/keys").status_code for _ in range(3)] == [401] * 3
            assert client.get(f"{PREFIX}/keys", headers=bearer(OPERATORS_TOKEN)).status_code == 200

    def test_it_forgets(self) -> None:
        now_s = 0.0
        throttle = Throttle(2, 60.0, lambda: now_s)
        throttle.note("203.0.113.9")
        now_s = 30.0
        throttle.note("203.0.113.9")
        with pytest.raises(LimitError):
            throttle.check("203.0.113.9")
        now_s = 61.0
        throttle.check("203.0.113.9")

    @pytest.mark.parametrize(
        ("first", "second", "is_one"),
        [
            ("2001:db8::1", "2001:db8::ffff:1", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("::ffff:203.0.113.9", "203.0.113.9", True),
            ("203.0.113.9", "203.0.113.8", False),
            ("", "203.0.113.8", False),
        ],
    )
    def test_an_ipv6_subscriber_is_one(self, first: str, second: str, is_one: bool) -> None:
        throttle = Throttle(1, 60.0, lambda: 0.0)
        throttle.note(first)
        if is_one:
            with pytest.raises(LimitError):
                throttle.check(second)
        else:
            throttle.check(second)

    def test_its_memory_has_an_end(self) -> None:
        throttle = Throttle(1, 60.0, lambda: 0.0)
        for number in range(12_000):
            throttle.note(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        throttle.check("10.0.0.0")
        assert len(throttle._failures) == 10_000


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_before_the_store_is_open_it_says_so() -> None:
    with TestClient(Starlette(routes=admin_routes(lambda: None, lambda: None))) as client:
        answer = client.get(f"{PREFIX}/keys", headers=bearer(OPERATORS_TOKEN))
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "overloaded")
