"""The endpoint table: every path on both mounts, every form of credential, and what is said to anything else.

All answers carry `x-request-id`; a refusal wears the dialect of the path it was asked on and never reaches an upstream.
"""

from __future__ import annotations

import json

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.upstream import json_answer
from tests.live.wire import Connection, Reply

OK = json_answer({"ok": True})
STREAMED = json_answer([{"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}])
VERSION = ("anthropic-version", "2023-06-01")
KEY_FORMS = {
    "bearer": bearer(),
    "lower-case-bearer": (("authorization", f"bearer {FIRST_KEY}"),),
    "x-api-key": (("x-api-key", FIRST_KEY),),
    "x-goog-api-key": (("x-goog-api-key", FIRST_KEY),),
}
GEMINI_MOUNTS = [
    f"{api}{version}"
    for api in ("", "/api")
    for version in ("/v1beta", "/v1", "/v1beta/v1beta", "/v1beta/v1")
]  # fmt: skip

FORM = (
    b'--cut\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\r\n--cut--\r\n"
)
FORM_TYPE = ("content-type", "multipart/form-data; boundary=cut")

JSON_PATHS = [
    ("openai-chat", "/chat/completions", "/v1/chat/completions"),
    ("openai-responses", "/responses", "/v1/responses"),
    ("openai-responses", "/responses/input_tokens", "/v1/responses/input_tokens"),
    ("openai-chat", "/embeddings", "/v1/embeddings"),
    ("openai-chat", "/images/generations", "/v1/images/generations"),
    ("openai-chat", "/audio/speech", "/v1/audio/speech"),
    ("openai-chat", "/rerank", "/v1/rerank"),
    ("anthropic", "/messages", "/v1/messages"),
    ("anthropic", "/messages/count_tokens", "/v1/messages/count_tokens"),
]
FORM_PATHS = ["/images/edits", "/audio/transcriptions"]
GEMINI_VERBS = ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"]


def ask(gateway: Gateway, method: str, target: str, *headers: tuple[str, str], body: bytes | None = None) -> Reply:
    with Connection(gateway.port) as connection:
        reply = connection.ask(method, target, headers, body)
    assert (reply.header("x-request-id") or "").startswith("req_"), f"{method} {target} has no x-request-id"
    return reply


def assert_refused(reply: Reply, dialect: str, status: int, code: str | None = None) -> None:
    """A refusal in the caller's dialect: its envelope, our code in `type`, the request id where the dialect has one."""
    assert reply.status == status, reply.body
    assert reply.header("content-type") == "application/json"
    told, error = reply.json(), reply.error
    assert isinstance(error["message"], str)
    assert error["message"]
    if code is not None:
        assert error["type"] == code
    if dialect == "anthropic":
        assert told["type"] == "error"
        assert told["request_id"] == reply.header("x-request-id")
    elif dialect == "gemini":
        assert error["code"] == status
        assert str(error["status"]).isupper()
    else:
        assert set(error) >= {"message", "type", "code", "param"}


def _body(model: str) -> bytes:
    return json.dumps({"model": model, "input": "hi", "messages": [], "max_tokens": 5}).encode()


# The table.


@pytest.mark.parametrize("mount", ["/v1", "/api/v1"])
@pytest.mark.parametrize(("dialect", "path", "theirs"), JSON_PATHS)
def test_json_endpoint(gateway: Gateway, take: TakeSlot, mount: str, dialect: str, path: str, theirs: str) -> None:
    slot = take(dialect, OK)
    reply = ask(gateway, "POST", mount + path, *bearer(), JSON_TYPE, body=_body(slot.model))
    assert (reply.status, reply.body) == (200, b'{"ok": true}')
    assert slot.visit.target == theirs
    assert slot.visit.body == _body(slot.upstream_model)


@pytest.mark.parametrize("mount", ["/v1", "/api/v1"])
@pytest.mark.parametrize("path", FORM_PATHS)
def test_multipart_endpoint(gateway: Gateway, take: TakeSlot, mount: str, path: str) -> None:
    slot = take("openai-chat", OK)
    reply = ask(gateway, "POST", mount + path, *bearer(), FORM_TYPE, body=FORM % slot.model.encode())
    assert reply.status == 200
    assert slot.visit.target == f"/v1{path}"
    assert slot.visit.body == FORM % slot.upstream_model.encode()
    assert slot.visit.header("content-type") == FORM_TYPE[1]


@pytest.mark.parametrize("mount", GEMINI_MOUNTS)
@pytest.mark.parametrize("verb", GEMINI_VERBS)
def test_gemini_endpoint(gateway: Gateway, take: TakeSlot, mount: str, verb: str) -> None:
    slot = take("gemini", STREAMED if verb == "streamGenerateContent" else OK)
    target = f"{mount}/models/{slot.model}:{verb}"
    reply = ask(gateway, "POST", target, ("x-goog-api-key", FIRST_KEY), JSON_TYPE, body=b'{"contents": []}')
    assert reply.status == 200
    assert slot.visit.target == f"/v1beta/models/{slot.upstream_model}:{verb}"
    assert slot.visit.body == b'{"contents": []}'


def test_gemini_percent_encoded_colon_and_query(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("gemini", OK)
    target = f"/v1beta/models/{slot.model}%3AgenerateContent?$alt=json%3Benum&key={FIRST_KEY}&x=1"
    reply = ask(gateway, "POST", target, JSON_TYPE, body=b"{}")
    assert reply.status == 200
    assert slot.visit.target == f"/v1beta/models/{slot.upstream_model}:generateContent?$alt=json%3Benum&x=1"


# Credentials.


@pytest.mark.parametrize("form", KEY_FORMS)
@pytest.mark.parametrize("dialect", CALLERS)
def test_every_header_form_on_every_surface(gateway: Gateway, take: TakeSlot, dialect: str, form: str) -> None:
    slot, caller = take(dialect, OK), CALLERS[dialect]
    for mount in caller.mounts:
        target = mount + caller.chat.format(model=slot.model)
        assert ask(gateway, "POST", target, *KEY_FORMS[form], JSON_TYPE, body=caller.encode(slot.model)).status == 200
    for visit in slot.visits:
        assert FIRST_KEY.encode() not in visit.head


@pytest.mark.parametrize("mount", ["/v1beta", "/api/v1beta", "/v1beta/v1beta", "/v1beta/v1"])
def test_key_in_the_query_of_gemini_paths(gateway: Gateway, take: TakeSlot, mount: str) -> None:
    slot = take("gemini", OK)
    target = f"{mount}/models/{slot.model}:streamGenerateContent?key={FIRST_KEY}&alt=sse"
    assert ask(gateway, "POST", target, JSON_TYPE, body=b"{}").status == 200
    assert slot.visit.target.endswith(":streamGenerateContent?alt=sse")


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic"])
@pytest.mark.parametrize("name", ["key", "api_key"])
@pytest.mark.parametrize("with_header", [False, True])
def test_key_in_the_query_elsewhere(
    gateway: Gateway, take: TakeSlot, dialect: str, name: str, with_header: bool
) -> None:
    slot, caller = take(dialect, OK), CALLERS[dialect]
    for mount in caller.mounts:
        target = f"{mount}{caller.chat}?{name}={FIRST_KEY}"
        headers = (*bearer(), JSON_TYPE) if with_header else (JSON_TYPE,)
        reply = ask(gateway, "POST", target, *headers, body=caller.encode(slot.model))
        assert_refused(reply, dialect, 400, "api_key_in_query_deprecated")
    assert slot.visits == []


def test_api_key_in_the_query_is_refused_on_gemini_too(gateway: Gateway) -> None:
    reply = ask(gateway, "POST", f"/v1beta/models/m:generateContent?api_key={FIRST_KEY}", JSON_TYPE, body=b"{}")
    assert_refused(reply, "gemini", 400, "api_key_in_query_deprecated")


@pytest.mark.parametrize("name", ["key", "%6bey", "KEY", "k%65y"])
def test_key_in_the_query_never_goes_upstream(gateway: Gateway, take: TakeSlot, name: str) -> None:
    """However its name is spelled: accepted and removed, or refused."""
    slot = take("gemini", OK)
    ask(gateway, "POST", f"/v1beta/models/{slot.model}:generateContent?a=1&{name}={FIRST_KEY}", JSON_TYPE, body=b"{}")
    assert all(FIRST_KEY not in visit.target for visit in slot.visits)


def test_x_api_key_wins_over_bearer(gateway: Gateway, take: TakeSlot) -> None:
    """As the Anthropic API does; Claude Code may send both."""
    slot = take("anthropic", OK)
    caller = CALLERS["anthropic"]
    body = caller.encode(slot.model)
    good, bad = FIRST_KEY, "sk-nobody-has-this-key-0000"
    assert _both(gateway, good, bad, body).status == 200
    assert_refused(_both(gateway, bad, good, body), "anthropic", 401, "INVALID_API_KEY")


def _both(gateway: Gateway, x_api_key: str, token: str, body: bytes) -> Reply:
    return ask(gateway, "POST", "/v1/messages", ("x-api-key", x_api_key), *bearer(token), JSON_TYPE, VERSION, body=body)


@pytest.mark.parametrize("dialect", CALLERS)
def test_no_key(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    slot, caller = take(dialect, OK), CALLERS[dialect]
    target = caller.target(slot.model)
    reply = ask(gateway, "POST", target, JSON_TYPE, body=caller.encode(slot.model))
    assert_refused(reply, dialect, 401, "API_KEY_REQUIRED")
    assert slot.visits == []


@pytest.mark.parametrize("dialect", CALLERS)
@pytest.mark.parametrize(
    "key",
    ["sk-nobody-has-this-key-0000", "sk-", "x", FIRST_KEY + "x", FIRST_KEY[:-1], "sk-\xe9\xff", "a" * 5000],
    ids=["unknown", "empty", "short", "longer", "cut", "not-ascii", "long"],
)
def test_wrong_keys(gateway: Gateway, dialect: str, key: str) -> None:
    caller = CALLERS[dialect]
    target = caller.target("m")
    reply = ask(gateway, "POST", target, *bearer(key), JSON_TYPE, body=caller.encode("m"))
    assert_refused(reply, dialect, 401, "INVALID_API_KEY")
    assert key.encode("latin-1") not in reply.body or len(key) < 4


@pytest.mark.parametrize("credential", ["Basic c2s6eA==", "Bearer", "Bearer ", ""])
def test_authorization_without_a_bearer_token(gateway: Gateway, credential: str) -> None:
    reply = ask(gateway, "POST", "/v1/chat/completions", ("authorization", credential), JSON_TYPE, body=b"{}")
    assert_refused(reply, "openai-chat", 401)
    assert reply.error["type"] in ("API_KEY_REQUIRED", "INVALID_API_KEY")


# Models.


@pytest.mark.parametrize("dialect", CALLERS)
def test_unknown_model(gateway: Gateway, dialect: str) -> None:
    caller = CALLERS[dialect]
    target = caller.target("no-such-model")
    reply = ask(gateway, "POST", target, *bearer(), JSON_TYPE, body=caller.encode("no-such-model"))
    assert_refused(reply, dialect, 404)
    assert "no-such-model" in str(reply.error["message"])


@pytest.mark.parametrize("mount", ["/v1", "/api/v1"])
def test_models_in_three_shapes(gateway: Gateway, mount: str) -> None:
    openai = ask(gateway, "GET", f"{mount}/models", *bearer()).json()
    claude = ask(gateway, "GET", f"{mount}/models?limit=1000", *bearer(), VERSION).json()
    gemini = ask(gateway, "GET", f"{mount}/models?pageSize=1000", ("x-goog-api-key", FIRST_KEY)).json()
    assert openai["object"] == "list"
    names = [model["id"] for model in openai["data"]]
    assert all(model["object"] == "model" and isinstance(model["created"], int) for model in openai["data"])
    assert [model["id"] for model in claude["data"]] == names
    assert all(model["type"] == "model" for model in claude["data"])
    assert (claude["first_id"], claude["last_id"], claude["has_more"]) == (names[0], names[-1], False)
    assert [model["name"] for model in gemini["models"]] == [f"models/{name}" for name in names]
    assert all("generateContent" in model["supportedGenerationMethods"] for model in gemini["models"])


@pytest.mark.parametrize("mount", ["/v1beta", "/api/v1beta", "/v1beta/v1beta"])
def test_gemini_models_by_key_in_query(gateway: Gateway, mount: str) -> None:
    listed = ask(gateway, "GET", f"{mount}/models?key={FIRST_KEY}").json()["models"]
    assert isinstance(listed, list)
    assert listed
    one = ask(gateway, "GET", f"{mount}/models/gemini-slot-3?key={FIRST_KEY}").json()
    assert one["name"] == "models/gemini-slot-3"


def test_one_model_in_three_shapes(gateway: Gateway) -> None:
    target = "/v1/models/openai-chat-slot-3"
    assert ask(gateway, "GET", target, *bearer()).json()["object"] == "model"
    assert ask(gateway, "GET", target, *bearer(), VERSION).json()["type"] == "model"
    assert ask(gateway, "GET", target, ("x-goog-api-key", FIRST_KEY)).json()["name"] == "models/openai-chat-slot-3"


def test_models_need_a_key(gateway: Gateway) -> None:
    assert_refused(ask(gateway, "GET", "/v1/models"), "openai-chat", 401, "API_KEY_REQUIRED")
    assert_refused(ask(gateway, "GET", "/v1/models", VERSION), "anthropic", 401, "API_KEY_REQUIRED")
    assert_refused(ask(gateway, "GET", "/v1beta/models"), "gemini", 401, "API_KEY_REQUIRED")


# Everything else.


@pytest.mark.parametrize(
    ("target", "dialect"),
    [
        ("/v1/nothing", "openai-chat"), ("/api/v1/nothing", "openai-chat"), ("/v1/chat/completions/", "openai-chat"),
        ("/v1/chat", "openai-chat"), ("/v1/messages/nothing", "anthropic"), ("/v1beta/nothing", "gemini"),
        ("/v1beta/models/m:nothing", "gemini"), ("/nothing", "openai-chat"), ("//v1/chat/completions", "openai-chat"),
        ("/v1/../v1/chat/completions", "openai-chat"), ("/v1/%63hat/completions", "openai-chat"),
        ("/V1/chat/completions", "openai-chat"), ("/" + "a" * 9000, "openai-chat"), ("/%ff%00", "openai-chat"),
    ],
)  # fmt: skip
def test_unknown_paths(gateway: Gateway, target: str, dialect: str) -> None:
    reply = ask(gateway, "POST", target, *bearer(), JSON_TYPE, body=b'{"model":"m"}')
    assert reply.status == 404
    if target.startswith(("/v1", "/api/v1")):
        assert_refused(reply, dialect, 404)


@pytest.mark.parametrize(
    ("method", "target", "dialect", "allowed"),
    [
        ("GET", "/v1/chat/completions", "openai-chat", "POST"),
        ("PUT", "/v1/chat/completions", "openai-chat", "POST"),
        ("DELETE", "/v1/embeddings", "openai-chat", "POST"),
        ("GET", "/v1/messages", "anthropic", "POST"),
        ("PATCH", "/api/v1/messages/count_tokens", "anthropic", "POST"),
        ("POST", "/v1/models", "openai-chat", "GET"),
        ("GET", "/v1beta/models/m:generateContent", "gemini", "POST"),
        ("POST", "/v1beta/models", "gemini", "GET"),
        ("GET", "/v1/responses", "openai-responses", "POST"),
    ],
)
def test_wrong_method(gateway: Gateway, method: str, target: str, dialect: str, allowed: str) -> None:
    reply = ask(gateway, method, target, *bearer(), JSON_TYPE, body=b"{}" if method != "GET" else None)
    assert_refused(reply, dialect, 405)
    assert allowed in (reply.header("allow") or "")


@pytest.mark.parametrize("target", ["/", "/healthz", "/readyz", "/v1/models"])
def test_head(gateway: Gateway, target: str) -> None:
    """Claude Code begins with `HEAD /`."""
    with Connection(gateway.port) as connection:
        reply = connection.ask("HEAD", target, bearer())
        assert reply.status in (200, 204), target
        assert connection.ask("GET", "/healthz").status == 200, "a body behind HEAD would have broken this"


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
def test_health_needs_no_key(gateway: Gateway, target: str) -> None:
    assert ask(gateway, "GET", target).status == 200


@pytest.mark.parametrize(
    "target", ["/v1/chat/completions", "/api/v1/messages", "/v1beta/models/m:generateContent", "/v1/models"]
)
def test_cors_preflight(gateway: Gateway, target: str) -> None:
    wanted = "authorization,content-type,x-api-key,x-goog-api-key,anthropic-version,x-stainless-lang"
    reply = ask(
        gateway, "OPTIONS", target, ("origin", "https://app.example"), ("access-control-request-method", "POST"),
        ("access-control-request-headers", wanted),
    )  # fmt: skip
    assert reply.status in (200, 204)
    assert reply.header("access-control-allow-origin") in ("*", "https://app.example")
    assert "POST" in (reply.header("access-control-allow-methods") or "")
    allowed = (reply.header("access-control-allow-headers") or "").lower().replace(" ", "")
    assert allowed == "*" or set(wanted.split(",")) <= set(allowed.split(","))
    assert reply.header("access-control-allow-credentials") is None, "keys are not cookies"


def test_cors_on_answers_and_errors(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", OK)
    origin = ("origin", "https://app.example")
    good = ask(gateway, "POST", "/v1/chat/completions", *bearer(), JSON_TYPE, origin, body=_body(slot.model))
    bad = ask(gateway, "POST", "/v1/chat/completions", JSON_TYPE, origin, body=_body(slot.model))
    assert (good.status, bad.status) == (200, 401)
    for reply in (good, bad):
        assert reply.header("access-control-allow-origin") in ("*", "https://app.example")
        exposed = (reply.header("access-control-expose-headers") or "").lower()
        assert exposed == "*" or "x-request-id" in exposed
    assert slot.visit.header("origin") is None


def test_request_ids_differ(gateway: Gateway) -> None:
    ids = {ask(gateway, "GET", "/healthz").header("x-request-id") for _ in range(20)}
    assert len(ids) == 20


def test_anthropic_answers_carry_request_id_twice(gateway: Gateway, take: TakeSlot) -> None:
    """Anthropic's SDK reads `request-id`, everyone else `x-request-id`."""
    slot = take("anthropic", OK)
    caller = CALLERS["anthropic"]
    reply = ask(gateway, "POST", "/v1/messages", *caller.headers(), body=caller.encode(slot.model))
    assert reply.header("request-id") == reply.header("x-request-id")
