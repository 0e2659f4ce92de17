"""What else a request says: reasoning of the past, settings, media, instructions, hints for caches; in every pair."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pitfalls.conversations import FACTS_OF, Call, Results, Said, System, User, body_of, refused, sent
from tests.pitfalls.upstreams import CODECS_OF, IN_EACH_ASKING_CELL
from torouter.canon.reasoning import ModelFacts
from torouter.channels import KINDS, facts_of
from torouter.units import DIALECTS, Dialect

Json = dict[str, Any]
PNG = "iVBORw0KGgoAAAANSUhEUg=="
PDF = "JVBERi0xLjQK"
SKIP = "skip_thought_signature_validator"
THOUGHT = "secret thoughts"
TURNS = (User("hi"), Said("Hm.", (Call("c1"),)), Results((("c1", "ok"),)), Said("So."), User("and?"))


# Reasoning of the past.


def with_thoughts(client: Dialect, signature: str) -> Json:
    """The conversation, in which the model has thought before its first words."""
    body = body_of(client, *TURNS)
    if client == "openai-chat":
        body["messages"][1]["reasoning_content"] = THOUGHT
    elif client == "openai-responses":
        summary = [{"type": "summary_text", "text": THOUGHT}]
        item = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": signature}
        body["input"].insert(1, item)
    elif client == "anthropic":
        block = {"type": "thinking", "thinking": THOUGHT, "signature": signature}
        body["messages"][1]["content"].insert(0, block)
    else:
        parts = body["contents"][1]["parts"]
        parts.insert(0, {"text": THOUGHT, "thought": True})
        parts[-1]["thoughtSignature"] = signature
    return body


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(105, 106, 111)
def test_reasoning_of_the_past_is_reported_and_never_becomes_text(client: Dialect, upstream: Dialect) -> None:
    told = sent(client, upstream, with_thoughts(client, "c2lnbmVk"))
    assert THOUGHT not in json.dumps(told.body)
    assert "c2lnbmVk" not in json.dumps(told.body)
    assert set(told.losses.values()) == {"dropped"}
    assert [turn.text for turn in told.turns if isinstance(turn, Said)] == ["Hm.", "So."]


@pytest.mark.parametrize("upstream", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(96)
def test_geminis_word_for_unsigned_is_for_gemini_only(upstream: Dialect) -> None:
    told = sent("gemini", upstream, with_thoughts("gemini", SKIP))
    assert SKIP not in json.dumps(told.body)


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(91)
def test_calls_of_others_are_marked_as_unsigned_for_gemini_3(client: Dialect) -> None:
    told = sent(client, "gemini", body_of(client, *TURNS))
    (call,) = [part for content in told.body["contents"] for part in content["parts"] if "functionCall" in part]
    assert call["thoughtSignature"] == SKIP


@pytest.mark.parametrize("client", ["openai-responses", "anthropic", "gemini"])
@pytest.mark.pitfall(110, 112)
def test_vendors_that_want_their_reasoning_back_get_it(client: Dialect) -> None:
    request = CODECS_OF[client].decode_request(json.dumps(with_thoughts(client, "")).encode())
    facts = facts_of(KINDS["deepseek"], "deepseek-chat")
    body = json.loads(CODECS_OF["openai-chat"].encode_request(request, "up", facts).body)
    assert [message.get("reasoning_content") for message in body["messages"]] == [None, THOUGHT, None, None, None]


# Settings.

SETTINGS: dict[Dialect, dict[str, tuple[str, ...]]] = {
    "openai-chat": {"limit": ("max_completion_tokens",), "temperature": ("temperature",), "top_p": ("top_p",)},
    "openai-responses": {"limit": ("max_output_tokens",), "temperature": ("temperature",), "top_p": ("top_p",)},
    "anthropic": {"limit": ("max_tokens",), "temperature": ("temperature",), "top_p": ("top_p",)},
    "gemini": {
        "limit": ("generationConfig", "maxOutputTokens"),
        "temperature": ("generationConfig", "temperature"),
        "top_p": ("generationConfig", "topP"),
    },
}


def setting(dialect: Dialect, name: str, value: object) -> Json:
    found: Any = value
    for step in reversed(SETTINGS[dialect][name]):
        found = {step: found}
    told: Json = found
    return told


def setting_in(dialect: Dialect, body: Json, name: str) -> object:
    found: object = body
    for step in SETTINGS[dialect][name]:
        found = found.get(step) if isinstance(found, dict) else None
    return found


@IN_EACH_ASKING_CELL
@pytest.mark.parametrize(("name", "value"), [("temperature", 0), ("top_p", 0), ("limit", 17), ("temperature", 0.0)])
@pytest.mark.pitfall(163)
def test_zero_is_a_value(client: Dialect, upstream: Dialect, name: str, value: object) -> None:
    told = sent(client, upstream, {**body_of(client, User("hi")), **setting(client, name, value)})
    assert setting_in(upstream, told.body, name) == value
    assert told.losses == {}


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "anthropic"])
@pytest.mark.pitfall(161)
def test_a_limit_that_was_not_given_is_the_models_own(client: Dialect) -> None:
    assert sent(client, "anthropic", body_of(client, User("hi"))).body["max_tokens"] == 32_000


@pytest.mark.parametrize("upstream", [each for each in DIALECTS if each != "openai-responses"])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.pitfall(162)
def test_chats_name_of_the_limit_in_a_responses_request(upstream: Dialect, name: str) -> None:
    told = sent("openai-responses", upstream, {**body_of("openai-responses", User("hi")), name: 17})
    assert setting_in(upstream, told.body, "limit") == 17
    assert told.losses == {}


STOPS: dict[Dialect, tuple[str, ...]] = {
    "openai-chat": ("stop",),
    "anthropic": ("stop_sequences",),
    "gemini": ("generationConfig", "stopSequences"),
}


@pytest.mark.parametrize(
    ("client", "upstream"), [(client, upstream) for client in STOPS for upstream in STOPS if client != upstream]
)
@pytest.mark.pitfall(165, 166)
def test_stop_sequences_are_the_callers_own_words(client: Dialect, upstream: Dialect) -> None:
    """`[DONE]` among them is one of these, and an empty list is none."""
    for given in (["END", "[DONE]"], []):
        asked: Any = given
        for step in reversed(STOPS[client]):
            asked = {step: asked}
        told = sent(client, upstream, {**body_of(client, User("hi")), **asked})
        found: Any = told.body
        for step in STOPS[upstream]:
            found = (found or {}).get(step)
        assert found == (given or None)
        assert told.losses == {}


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(168)
def test_nothing_vanishes_without_a_record(client: Dialect, upstream: Dialect) -> None:
    unknown = {"never_heard_of": {"a": 1}, "seed_of_doubt": 7}
    told = sent(client, upstream, {**body_of(client, User("hi")), **unknown})
    assert told.losses == dict.fromkeys(unknown, "dropped")


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "anthropic"])
@pytest.mark.pitfall(164)
def test_sampling_is_sent_to_claudes_that_take_it_only(client: Dialect) -> None:
    body = {**body_of(client, User("hi")), **setting(client, "temperature", 0.5)}
    assert sent(client, "anthropic", body).body["temperature"] == 0.5
    told = sent(client, "anthropic", body, ModelFacts(takes_sampling=False, max_output_tokens=9))
    assert "temperature" not in told.body
    assert list(told.losses.values()) == ["dropped"]


EFFORTS: dict[Dialect, Json] = {
    "openai-chat": {"reasoning_effort": "high"},
    "openai-responses": {"reasoning": {"effort": "high", "summary": "auto"}},
    "gemini": {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True}}},
}
CLAUDE_BUDGET = ModelFacts(reasoning="budget", max_output_tokens=32_000)


@pytest.mark.parametrize("client", EFFORTS)
@pytest.mark.parametrize("limit", [17, 1024, 1025, 4000, 20_000, None])
@pytest.mark.pitfall(116, 117)
def test_a_budget_is_within_the_limit_or_not_there(client: Dialect, limit: int | None) -> None:
    limits: Json = {} if limit is None else setting(client, "limit", limit)
    body = body_of(client, User("hi"))
    for fields in (EFFORTS[client], limits):
        for name, value in fields.items():
            body[name] = {**body.get(name, {}), **value} if isinstance(value, dict) else value
    told = sent(client, "anthropic", body, CLAUDE_BUDGET)
    budget = told.body.get("thinking", {}).get("budget_tokens")
    assert told.body["max_tokens"] == (limit or 32_000)
    assert (budget is None) == (limit in (17, 1024))
    assert budget is None or 1024 <= budget < told.body["max_tokens"]


@pytest.mark.parametrize("client", EFFORTS)
@pytest.mark.pitfall(113, 118, 119)
def test_each_model_is_told_to_think_in_its_own_way(client: Dialect) -> None:
    body = {**body_of(client, User("hi"), tools=[{"name": "f"}]), **EFFORTS[client]}
    assert sent(client, "anthropic", body).body["thinking"] == {"type": "adaptive", "display": "summarized"}
    forced: Json = {"tool_choice": "required"}
    if client == "gemini":
        forced = {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
    assert "thinking" not in sent(client, "anthropic", {**body, **forced}).body
    if client != "gemini":
        older = ModelFacts(reasoning="budget", max_output_tokens=65_536, max_budget_tokens=24_576)
        config = sent(client, "gemini", body, older).body["generationConfig"]["thinkingConfig"]
        assert config == {"includeThoughts": True, "thinkingBudget": 24_576}


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(21)
def test_nobody_is_made_to_think_who_was_not_asked_to(client: Dialect, upstream: Dialect) -> None:
    body = sent(client, upstream, body_of(client, User("hi"))).body
    said = body.keys() | body.get("generationConfig", {}).keys()
    assert not {"thinking", "reasoning", "reasoning_effort", "output_config", "thinkingConfig"} & said


# Media.


def image(client: Dialect, url: str = "") -> Json:
    """A part with an image: the one above, or that at an address."""
    data = url or f"data:image/png;base64,{PNG}"
    if client == "openai-chat":
        return {"type": "image_url", "image_url": {"url": data}}
    if client == "openai-responses":
        return {"type": "input_image", "image_url": data}
    if client == "anthropic":
        inline = {"type": "base64", "media_type": "image/png", "data": PNG}
        return {"type": "image", "source": {"type": "url", "url": url} if url else inline}
    return {"fileData": {"fileUri": url}} if url else {"inlineData": {"mimeType": "image/png", "data": PNG}}


def asking_with(client: Dialect, part: Json) -> Json:
    body = body_of(client, User("see"))
    last = body[{"openai-responses": "input", "gemini": "contents"}.get(client, "messages")][-1]
    if client == "gemini":
        last["parts"].append(part)
    else:
        word = "input_text" if client == "openai-responses" else "text"
        last["content"] = [{"type": word, "text": "see"}, part]
    return body


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(170)
def test_images_arrive(client: Dialect, upstream: Dialect) -> None:
    told = sent(client, upstream, asking_with(client, image(client)))
    assert json.dumps(told.body).count(PNG) == 1
    assert told.losses == {}


@pytest.mark.parametrize(
    ("client", "upstream"),
    [
        (client, upstream)
        for client in ("openai-responses", "anthropic", "gemini")
        for upstream in DIALECTS
        if client != upstream
    ],
)
@pytest.mark.pitfall(49, 170)
def test_images_that_a_tool_gave_arrive(client: Dialect, upstream: Dialect) -> None:
    """Behind all results where these hold text only, and the move is reported."""
    body = body_of(client, User("hi"), Said("", (Call("c1"), Call("c2"))), Results((("c1", "a"), ("c2", "b"))))
    if client == "openai-responses":
        output = [{"type": "input_text", "text": "a"}, image(client)]
        next(each for each in body["input"] if each["type"] == "function_call_output")["output"] = output
    elif client == "anthropic":
        body["messages"][2]["content"][0]["content"] = [{"type": "text", "text": "a"}, image(client)]
    else:
        body["contents"][2]["parts"][0]["functionResponse"]["parts"] = [image(client)]
    told = sent(client, upstream, body)
    assert json.dumps(told.body).count(PNG) == 1
    results = told.turns[2]
    assert isinstance(results, Results)
    assert [text for _, text in results.of] == ["a", "b"]
    assert ("moved" in told.losses.values()) == (upstream == "openai-chat")


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(171, 174)
def test_a_linked_image_arrives_or_is_refused(client: Dialect, upstream: Dialect) -> None:
    told = sent(client, upstream, asking_with(client, image(client, "https://x.test/a.png")))
    assert "https://x.test/a.png" in json.dumps(told.body)
    for address in ("gs://bucket/a.png", "file:///etc/passwd"):
        assert refused(client, upstream, asking_with(client, image(client, address)))


def document(client: Dialect) -> Json:
    data = f"data:application/pdf;base64,{PDF}"
    return {
        "openai-chat": {"type": "file", "file": {"filename": "a.pdf", "file_data": data}},
        "openai-responses": {"type": "input_file", "filename": "a.pdf", "file_data": data},
        "anthropic": {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        },
        "gemini": {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
    }[client]


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(172)
def test_documents_arrive(client: Dialect, upstream: Dialect) -> None:
    told = sent(client, upstream, asking_with(client, document(client)))
    assert json.dumps(told.body).count(PDF) == 1


# Instructions and caches.


@pytest.mark.parametrize(
    ("client", "upstream"),
    [
        (client, upstream)
        for client in ("openai-chat", "openai-responses", "anthropic")
        for upstream in DIALECTS
        if client != upstream
    ],
)
@pytest.mark.pitfall(176, 177)
def test_an_instruction_in_mid_conversation_stays_there(client: Dialect, upstream: Dialect) -> None:
    """As one, where the dialect has such; else as marked text of the user's."""
    turns = (User("a"), System("be brief"), Said("b"), User("c"))
    told = sent(client, upstream, body_of(client, *turns))
    text = "".join(turn.text for turn in told.turns if not isinstance(turn, Results))
    assert text.index("a") < text.index("be brief") < text.rindex("c")
    assert isinstance(told.turns[0], User)
    has_role = upstream.startswith("openai")
    assert (System("be brief") in told.turns) == has_role
    assert bool(told.losses) == (not has_role)


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(68)
def test_roles_are_those_that_everybody_knows(client: Dialect, upstream: Dialect) -> None:
    """`developer` is for Responses only; Geminis that do not take ids of calls get none."""
    told = sent(client, upstream, body_of(client, System("be brief"), *TURNS))
    assert ('"developer"' in json.dumps(told.body)) == (upstream == "openai-responses")
    if upstream == "gemini":
        older = sent(client, upstream, body_of(client, *TURNS), ModelFacts(reasoning="budget"))
        assert '"id"' not in json.dumps(older.body)


@IN_EACH_ASKING_CELL
@pytest.mark.pitfall(182, 183)
def test_the_same_bytes_for_the_same_request_and_no_hints_of_ours(client: Dialect, upstream: Dialect) -> None:
    body = json.dumps(body_of(client, *TURNS, tools=[{"name": "g"}, {"name": "f"}])).encode()
    one, other = (
        CODECS_OF[upstream].encode_request(CODECS_OF[client].decode_request(body), "up", FACTS_OF[upstream]).body
        for _ in range(2)
    )
    assert one == other
    assert b"cache" not in one
