"""Every refusal of the catalogue on every surface that it can reach: status, code, envelope, request id; nobody is
asked upstream, and nothing is written down or paid."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai.errors import ClientError

from tests.live.callers import CALLERS, JSON_TYPE, Fields
from tests.live.gateway import Gateway
from tests.live.office import RATES, Office, opened
from tests.live.slots import channels_to
from tests.live.test_endpoints import assert_refused
from tests.live.upstream import Upstream, json_answer, until
from tests.live.wire import Connection, Reply
from torouter.units import wall_ms

DOCUMENT = Path(__file__).parents[2] / "docs" / "limits.md"
DAY_MS = 24 * 60 * 60 * 1000
DIALECTS = tuple(CALLERS)
VERSION = ("anthropic-version", "2023-06-01")
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
}
COST_NUSD = 10 * 1000 + 10 * 2000


@dataclass(frozen=True)
class Surface:
    """`takes_model`: it asks for a model. `credential`: how its clients send their key."""

    name: str
    dialect: str
    method: str
    path: str
    body: Mapping[str, object] | None = None
    headers: Fields = ()
    takes_model: bool = True

    def ask(self, port: int, key: str, model: str, query: str = "") -> Reply:
        credential = {"anthropic": ("x-api-key", key), "gemini": ("x-goog-api-key", key)}.get(
            self.dialect, ("authorization", f"Bearer {key}")
        )
        body = None
        if self.body is not None:
            in_path = "{model}" in self.path
            body = json.dumps(self.body if in_path else {"model": model, **self.body}).encode()
        with Connection(port) as connection:
            fields = (*((credential,) if key else ()), *self.headers, *((JSON_TYPE,) if body else ()))
            return connection.ask(self.method, self.path.format(model=model) + query, fields, body)


def _chat(dialect: str) -> Surface:
    caller = CALLERS[dialect]
    headers = (VERSION,) if dialect == "anthropic" else ()
    return Surface(dialect, dialect, "POST", caller.mounts[0] + caller.chat, caller.body, headers)


MODEL_SURFACES = (
    *(_chat(dialect) for dialect in DIALECTS),
    Surface("anthropic count", "anthropic", "POST", "/v1/messages/count_tokens", {"messages": []}, (VERSION,)),
    Surface("responses count", "openai-responses", "POST", "/v1/responses/input_tokens", {"input": "hi"}),
    Surface("gemini count", "gemini", "POST", "/v1beta/models/{model}:countTokens", {"contents": []}),
    Surface("embeddings", "openai-chat", "POST", "/v1/embeddings", {"input": "hi"}),
    Surface("gemini embeddings", "gemini", "POST", "/v1beta/models/{model}:embedContent", {"content": {"parts": []}}),
)
KEY_SURFACES = (
    Surface("openai list", "openai-chat", "GET", "/v1/models", takes_model=False),
    Surface("anthropic list", "anthropic", "GET", "/v1/models", headers=(VERSION,), takes_model=False),
    Surface("gemini list", "gemini", "GET", "/v1beta/models", takes_model=False),
    Surface("kept response", "openai-responses", "GET", "/v1/responses/resp_nobodys", takes_model=False),
)


@dataclass(frozen=True)
class Refusal:
    """`make` gives a key that is refused so. `model` is the one to ask for; by default a good one."""

    name: str
    status: int
    type: str | None
    make: Callable[[Scene], str]
    code: str | None = None
    message: str = ""
    is_of_key: bool = True
    """Is it told to who only lists models, too?"""
    model: str = ""
    query: str = ""
    retry_after_s: tuple[int, int] | None = None
    """From, to."""


class Scene:
    """One gateway, its upstream and its store."""

    def __init__(self, gateway: Gateway, upstream: Upstream, office: Office) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.office = office
        self._keys: dict[str, str] = {}

    def key(self, refusal: Refusal) -> str:
        if refusal.name not in self._keys:
            self._keys[refusal.name] = refusal.make(self)
            self.office.settle()
        return self._keys[refusal.name]

    def spent_by(self, text: str) -> str:
        """One good request is made with this key, and is paid."""
        self.office.settle()
        model = self.model("openai-chat")
        self.upstream.script(f"up.{model}", json_answer(CHAT))
        reply = _chat("openai-chat").ask(self.gateway.port, text, model)
        assert reply.status == 200, reply.body
        assert until(lambda: self.office.requests_of(text) == 1)
        return text

    def model(self, dialect: str) -> str:
        return f"priced-{dialect}"


def _key(**changes: Any) -> Callable[[Scene], str]:
    return lambda scene: scene.office.key(**changes)[0]


def _deleted(scene: Scene) -> str:
    text, row = scene.office.key()
    scene.office.store.delete_key(row.id)
    return text


def _ownerless(scene: Scene) -> str:
    account_id = scene.office.account()
    text, _ = scene.office.key(account_id)
    scene.office.store.delete_account(account_id)
    return text


def _suspended(scene: Scene) -> str:
    return scene.office.key(scene.office.account(status="suspended"))[0]


def _capped(scene: Scene) -> str:
    return scene.spent_by(scene.office.key(cap_nusd=COST_NUSD)[0])


def _planned(status: str | None, **windows: int) -> Callable[[Scene], str]:
    def make(scene: Scene) -> str:
        office = scene.office
        account_id, group = office.account(), office.group(billing="subscription")
        if status is not None:
            group_id = office.store.get_group(group).id
            began_ms = wall_ms() - DAY_MS // 2
            office.store.set_subscription(account_id, group_id, office.plan(**windows), status, began_ms, None)  # type: ignore[arg-type]
        text = office.key(account_id, group)[0]
        return scene.spent_by(text) if windows else text

    return make


def _penniless(scene: Scene) -> str:
    return scene.office.key(scene.office.account())[0]


def _overdrawn(scene: Scene) -> str:
    return scene.spent_by(scene.office.key(scene.office.account(credit_nusd=COST_NUSD))[0])


def _catalogued(scene: Scene) -> str:
    return scene.office.key(group=scene.office.group(models=["another"]))[0]


def _windowed(**limits: int) -> Callable[[Scene], str]:
    return lambda scene: scene.spent_by(scene.office.key(**limits)[0])


def _limited(scene: Scene) -> str:
    return scene.office.key(cap_nusd=10**12)[0]


RATE = "rate limit exceeded"
REFUSALS = (
    Refusal("in query", 400, "api_key_in_query_deprecated", _key(), query="?api_key=sk-x"),
    Refusal("none", 401, "API_KEY_REQUIRED", lambda _: ""),
    Refusal("unknown", 401, "INVALID_API_KEY", lambda _: "sk-nobody-knows-this-one"),
    Refusal("deleted", 401, "INVALID_API_KEY", _deleted),
    Refusal("disabled", 401, "API_KEY_DISABLED", _key(status="disabled")),
    Refusal("ownerless", 401, "USER_NOT_FOUND", _ownerless),
    Refusal("suspended", 401, "USER_INACTIVE", _suspended),
    Refusal("not in the allow list", 403, "ACCESS_DENIED", _key(ip_allow=["203.0.113.0/24"]), "ip_not_allowed"),
    Refusal("in the deny list", 403, "ACCESS_DENIED", _key(ip_deny=["127.0.0.0/8"]), "ip_not_allowed"),
    Refusal("expired", 403, "API_KEY_EXPIRED", _key(expires_ms=1)),
    Refusal("capped", 429, "API_KEY_QUOTA_EXHAUSTED", _capped, is_of_key=False),
    Refusal("no plan", 403, "SUBSCRIPTION_NOT_FOUND", _planned(None), is_of_key=False),
    Refusal("paused", 403, "SUBSCRIPTION_INVALID", _planned("paused"), is_of_key=False),
    Refusal("cancelled", 403, "SUBSCRIPTION_INVALID", _planned("cancelled"), is_of_key=False),
    Refusal(
        "plan used up",
        429,
        "USAGE_LIMIT_EXCEEDED",
        _planned("active", daily_nusd=COST_NUSD),
        is_of_key=False,
        retry_after_s=(DAY_MS // 2000 - 600, DAY_MS // 2000 + 1),
    ),
    Refusal("penniless", 402, "INSUFFICIENT_BALANCE", _penniless, is_of_key=False),
    Refusal("overdrawn", 402, "INSUFFICIENT_BALANCE", _overdrawn, is_of_key=False),
    Refusal("not its model", 403, "ACCESS_DENIED", _key(models=["another"]), "model_not_allowed", is_of_key=False),
    Refusal("not in the catalog", 404, None, _catalogued, "model_not_found", is_of_key=False),
    Refusal("no such model", 404, None, _key(), "model_not_found", is_of_key=False, model="nobody-has-this"),
    Refusal("1 a minute", 429, None, _windowed(rpm=1), "rate_limit_exceeded", RATE, False, retry_after_s=(1, 65)),
    Refusal(
        "1 in 5 h", 429, None, _windowed(limit_5h=1), "rate_limit_exceeded", RATE, False, retry_after_s=(60, 18600)
    ),
    Refusal("1 a day", 429, None, _windowed(limit_1d=1), "rate_limit_exceeded", RATE, False, retry_after_s=(60, 90000)),
    Refusal(
        "1 in 7 d", 429, None, _windowed(limit_7d=1), "rate_limit_exceeded", RATE, False, retry_after_s=(60, 640000)
    ),
)
TERMINAL = {"API_KEY_QUOTA_EXHAUSTED", "USAGE_LIMIT_EXCEEDED"}
CASES = [
    pytest.param(refusal, surface, id=f"{refusal.name}-{surface.name}")
    for refusal in REFUSALS
    for surface in (*MODEL_SURFACES, *(KEY_SURFACES if refusal.is_of_key else ()))
]


@pytest.fixture(scope="module")
def scene(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    models = {
        dialect: {f"{name}-{dialect}": f"up.{name}-{dialect}" for name in ("priced", "priceless")}
        for dialect in DIALECTS
    }
    folder = tmp_path_factory.mktemp("refusals")
    with Gateway(folder, channels=channels_to(upstream, models)) as gateway, opened(gateway) as office:
        office.store.add_price("priced-*", "", 0, RATES, "")
        office.settle()
        yield Scene(gateway, upstream, office)


@pytest.mark.parametrize(("refusal", "surface"), CASES)
def test_refusal(scene: Scene, refusal: Refusal, surface: Surface) -> None:
    model = refusal.model or scene.model(surface.dialect)
    key = scene.key(refusal)
    scene.upstream.script(f"up.{model}", json_answer(CHAT))
    before = scene.office.requests_of(key)
    reply = surface.ask(scene.gateway.port, key, model, refusal.query)
    assert (reply.header("x-request-id") or "").startswith("req_")
    assert_refused(reply, surface.dialect, refusal.status, refusal.type)
    assert refusal.message in str(reply.error["message"])
    if refusal.message == RATE:
        assert reply.error["message"] == RATE
    _assert_code(reply, surface.dialect, refusal)
    assert reply.header("x-should-retry") == ("false" if refusal.type in TERMINAL else None)
    if refusal.retry_after_s is not None:
        low, high = refusal.retry_after_s
        assert low <= int(reply.header("retry-after") or 0) <= high
    else:
        assert reply.header("retry-after") is None
    assert scene.upstream.visits(f"up.{model}") == []
    assert scene.office.requests_of(key) == before


def _assert_code(reply: Reply, dialect: str, refusal: Refusal) -> None:
    code = refusal.code or refusal.type
    if dialect == "gemini":
        details = reply.error["details"]
        assert isinstance(details, list)
        assert details[0]["reason"] == code
    elif dialect != "anthropic":  # its envelope has a type and a message, no code
        assert reply.error["code"] == code


@pytest.mark.parametrize("refusal", [each for each in REFUSALS if not each.is_of_key], ids=lambda each: each.name)
@pytest.mark.parametrize("surface", KEY_SURFACES[:3], ids=lambda each: each.name)
def test_who_may_not_ask_for_a_model_may_list_them(scene: Scene, refusal: Refusal, surface: Surface) -> None:
    reply = surface.ask(scene.gateway.port, scene.key(refusal), "")
    assert reply.status == 200, reply.body


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_model_without_a_price_is_refused_to_limited_keys_only(scene: Scene, dialect: str) -> None:
    model = f"priceless-{dialect}"
    scene.upstream.script(f"up.{model}", json_answer({}))
    limited = scene.office.key(cap_nusd=10**12)[0]
    free = scene.office.key()[0]
    scene.office.settle()
    reply = _chat(dialect).ask(scene.gateway.port, limited, model)
    assert_refused(reply, dialect, 403, "ACCESS_DENIED")
    assert "no price" in str(reply.error["message"])
    assert scene.upstream.visits(f"up.{model}") == []
    assert _chat(dialect).ask(scene.gateway.port, free, model).status == 200


@pytest.mark.parametrize("dialect", [each for each in DIALECTS if each != "anthropic"])
def test_a_strict_key_needs_a_bound(scene: Scene, dialect: str) -> None:
    names = {"openai-chat": "max_tokens", "openai-responses": "max_output_tokens"}
    name = names.get(dialect, "generationConfig.maxOutputTokens")
    strict = scene.office.key(cap_nusd=10**12, is_strict=True)[0]
    scene.office.settle()
    model = scene.model(dialect)
    scene.upstream.script(f"up.{model}", json_answer({}))
    reply = _chat(dialect).ask(scene.gateway.port, strict, model)
    assert_refused(reply, dialect, 400)
    assert f"`{name}`" in str(reply.error["message"])
    assert scene.upstream.visits(f"up.{model}") == []
    bounded = {"generationConfig": {"maxOutputTokens": 9}} if dialect == "gemini" else {name: 9}
    surface = _chat(dialect)
    told = Surface("", dialect, "POST", surface.path, {**(surface.body or {}), **bounded})
    assert told.ask(scene.gateway.port, strict, model).status == 200


def test_the_document_has_them_in_this_order() -> None:
    rows = re.findall(r"^\| (\d*) *\| (\d+) \| ([^|]+)\|([^|]*)\|", DOCUMENT.read_text("utf-8"), flags=re.MULTILINE)
    assert [int(number) for number, *_ in rows if number] == list(range(1, 14))
    told = {(int(status), word) for _, status, types, codes in rows for word in re.findall(r"`(\w+)`", types + codes)}
    for refusal in REFUSALS:
        assert (refusal.status, refusal.code or refusal.type) in told
    positions = [
        next(
            at
            for at, row in enumerate(rows)
            if int(row[1]) == each.status and (each.code or each.type or "") in row[2] + row[3]
        )
        for each in REFUSALS
    ]
    assert positions == sorted(positions)


def test_the_message_of_an_address_says_so(scene: Scene) -> None:
    reply = _chat("anthropic").ask(scene.gateway.port, scene.key(_named("in the deny list")), "m")
    assert "ip not allowed" in str(reply.error["message"])
    assert "127.0.0.1" in str(reply.error["message"])


class TestOrder:
    """Of two faults the one that stands earlier in the order of checks is told."""

    def _told(self, scene: Scene, key: str, body: bytes) -> Reply:
        scene.office.settle()
        caller = CALLERS["openai-chat"]
        with Connection(scene.gateway.port) as connection:
            fields = (("authorization", f"Bearer {key}"), JSON_TYPE)
            return connection.ask("POST", caller.target(""), fields, body)

    GOOD = json.dumps({"model": "priced-openai-chat", "messages": []}).encode()
    BROKEN = b'{"model": '
    NAMELESS = b'{"messages": []}'
    UNKNOWN = b'{"model": "nobody-has-this", "messages": []}'

    @pytest.mark.parametrize("body", [BROKEN, NAMELESS, UNKNOWN])
    def test_money_comes_before_the_body_and_the_model(self, scene: Scene, body: bytes) -> None:
        for make, code in (
            (_capped, "API_KEY_QUOTA_EXHAUSTED"),
            (_planned(None), "SUBSCRIPTION_NOT_FOUND"),
            (_penniless, "INSUFFICIENT_BALANCE"),
        ):
            assert self._told(scene, make(scene), body).error["type"] == code

    def test_the_body_comes_before_the_windows(self, scene: Scene) -> None:
        key = _windowed(rpm=1)(scene)
        assert self._told(scene, key, self.BROKEN).status == 400
        assert self._told(scene, key, self.NAMELESS).status == 400
        assert self._told(scene, key, self.UNKNOWN).status == 404
        assert self._told(scene, key, self.GOOD).status == 429

    def test_the_keys_list_comes_before_the_groups_catalog(self, scene: Scene) -> None:
        group = scene.office.group(models=["x"])
        assert self._told(scene, scene.office.key(group=group, models=["y"])[0], self.GOOD).status == 403

    def test_the_key_comes_before_its_money(self, scene: Scene) -> None:
        penniless = scene.office.account()
        for changes, code in (
            ({"status": "disabled"}, "API_KEY_DISABLED"),
            ({"ip_deny": ["0.0.0.0/0"], "expires_ms": 1}, "ACCESS_DENIED"),
            ({"expires_ms": 1}, "API_KEY_EXPIRED"),
        ):
            assert self._told(scene, scene.office.key(penniless, **changes)[0], self.GOOD).error["type"] == code

    def test_the_cap_comes_before_the_plan_and_the_balance(self, scene: Scene) -> None:
        account_id = scene.office.account(credit_nusd=COST_NUSD)
        key = scene.spent_by(scene.office.key(account_id, cap_nusd=COST_NUSD)[0])
        assert self._told(scene, key, self.GOOD).error["type"] == "API_KEY_QUOTA_EXHAUSTED"

    def test_a_refused_request_takes_no_room(self, scene: Scene) -> None:
        key = scene.office.key(scene.office.account(), rpm=1)[0]
        for _ in range(3):
            assert self._told(scene, key, self.GOOD).error["type"] == "INSUFFICIENT_BALANCE"
        row = next(row for row in scene.office.store.list_keys() if key.endswith(row.tail) and row.limits.rpm == 1)
        scene.office.edit(lambda store: store.move_money(row.account_id, "top_up", 10**9, ""))
        scene.upstream.script("up.priced-openai-chat", json_answer(CHAT))
        assert self._told(scene, key, self.GOOD).status == 200
        assert self._told(scene, key, self.GOOD).status == 429


class TestSdks:
    """What the official SDKs make of them. They do not ask again what is of no use to ask again."""

    def test_openai(self, scene: Scene) -> None:
        def call(key: str) -> None:
            client = openai.OpenAI(api_key=key, base_url=f"{scene.gateway.url}/v1", max_retries=2)
            client.chat.completions.create(
                model=scene.model("openai-chat"), messages=[{"role": "user", "content": "hi"}]
            )

        with pytest.raises(openai.AuthenticationError) as invalid:
            call("sk-nobody-knows-this-one")
        assert invalid.value.type == "INVALID_API_KEY"
        with pytest.raises(openai.PermissionDeniedError) as denied:
            call(scene.key(_named("not its model")))
        assert (denied.value.type, denied.value.code) == ("ACCESS_DENIED", "model_not_allowed")
        with pytest.raises(openai.RateLimitError) as capped:
            call(scene.key(_named("capped")))
        assert capped.value.code == "API_KEY_QUOTA_EXHAUSTED"
        with pytest.raises(openai.APIStatusError) as penniless:
            call(scene.key(_named("penniless")))
        assert (penniless.value.status_code, penniless.value.code) == (402, "INSUFFICIENT_BALANCE")

    def test_anthropic(self, scene: Scene) -> None:
        def call(key: str) -> None:
            client = anthropic.Anthropic(api_key=key, base_url=scene.gateway.url, max_retries=2)
            client.messages.create(
                model=scene.model("anthropic"), max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            )

        with pytest.raises(anthropic.AuthenticationError):
            call("sk-nobody-knows-this-one")
        with pytest.raises(anthropic.PermissionDeniedError, match="API_KEY_EXPIRED"):
            call(scene.key(_named("expired")))
        with pytest.raises(anthropic.RateLimitError, match="USAGE_LIMIT_EXCEEDED"):
            call(scene.key(_named("plan used up")))

    def test_genai(self, scene: Scene) -> None:
        options = genai.types.HttpOptions(base_url=scene.gateway.url)
        client = genai.Client(api_key=scene.key(_named("disabled")), http_options=options)
        with pytest.raises(ClientError) as disabled:
            client.models.generate_content(model=scene.model("gemini"), contents="hi")
        assert (disabled.value.code, disabled.value.status) == (401, "UNAUTHENTICATED")


def _named(name: str) -> Refusal:
    return next(refusal for refusal in REFUSALS if refusal.name == name)
