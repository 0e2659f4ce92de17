"""What a `-thinking` name puts into a body, row by row, and what keeps it out."""

from __future__ import annotations

import pytest

from torouter.canon.reasoning import Depth, ModelFacts, Reasoning
from torouter.codecs import CODECS, Edits
from torouter.errors import RequestError
from torouter.units import DIALECTS, Dialect

JSON = b"application/json"
AUTO = Reasoning()
EFFORT = ModelFacts(reasoning="effort")
OPENROUTER = ModelFacts(reasoning="openrouter")
FLAG = ModelFacts(reasoning="flag")
ADAPTIVE = ModelFacts(reasoning="adaptive")
ALWAYS_ADAPTIVE = ModelFacts(reasoning="adaptive", may_disable_reasoning=False)
BUDGET = ModelFacts(reasoning="budget")
LEVEL = ModelFacts(reasoning="level")
FLASH = ModelFacts(reasoning="budget", min_budget_tokens=0, max_budget_tokens=24576)
PRO = ModelFacts(reasoning="budget", min_budget_tokens=128, max_budget_tokens=32768, may_disable_reasoning=False)


def depth(word: Depth) -> Reasoning:
    return Reasoning(depth=word)


def budget(tokens: int) -> Reasoning:
    return Reasoning(budget_tokens=tokens)


def thinking(dialect: Dialect, body: bytes, reasoning: Reasoning, facts: ModelFacts) -> bytes:
    return CODECS[dialect].amend("chat", body, JSON, Edits(reasoning=reasoning, facts=facts)).body


@pytest.mark.parametrize(
    ("facts", "reasoning", "added"),
    [
        (EFFORT, AUTO, b'"reasoning_effort":"medium"'),
        (EFFORT, depth("low"), b'"reasoning_effort":"low"'),
        (EFFORT, depth("medium"), b'"reasoning_effort":"medium"'),
        (EFFORT, depth("high"), b'"reasoning_effort":"high"'),
        (EFFORT, depth("xhigh"), b'"reasoning_effort":"xhigh"'),
        (EFFORT, depth("max"), b'"reasoning_effort":"max"'),
        (EFFORT, depth("off"), b'"reasoning_effort":"none"'),
        (ModelFacts(reasoning="effort", may_disable_reasoning=False), depth("off"), b'"reasoning_effort":"minimal"'),
        (EFFORT, budget(0), b'"reasoning_effort":"none"'),
        (EFFORT, budget(1024), b'"reasoning_effort":"minimal"'),
        (EFFORT, budget(1025), b'"reasoning_effort":"low"'),
        (EFFORT, budget(8192), b'"reasoning_effort":"medium"'),
        (EFFORT, budget(24576), b'"reasoning_effort":"high"'),
        (EFFORT, budget(32768), b'"reasoning_effort":"xhigh"'),
        (EFFORT, budget(49153), b'"reasoning_effort":"max"'),
        (LEVEL, depth("high"), b'"reasoning_effort":"high"'),
        (OPENROUTER, AUTO, b'"reasoning":{"enabled":true}'),
        (OPENROUTER, depth("high"), b'"reasoning":{"effort":"high"}'),
        (OPENROUTER, depth("max"), b'"reasoning":{"effort":"xhigh"}'),
        (OPENROUTER, budget(4000), b'"reasoning":{"max_tokens":4000}'),
        (OPENROUTER, depth("off"), b'"reasoning":{"effort":"none"}'),
        (FLAG, AUTO, b'"thinking":{"type":"enabled"}'),
        (FLAG, depth("high"), b'"thinking":{"type":"enabled"}'),
        (FLAG, budget(9), b'"thinking":{"type":"enabled"}'),
        (FLAG, depth("off"), b'"thinking":{"type":"disabled"}'),
    ],
)
def test_chat(facts: ModelFacts, reasoning: Reasoning, added: bytes) -> None:
    assert (
        thinking("openai-chat", b'{"model":"m", "n":1 }', reasoning, facts) == b'{"model":"m", "n":1 ,' + added + b"}"
    )


@pytest.mark.parametrize(
    ("facts", "reasoning", "added"),
    [
        (EFFORT, AUTO, b'"reasoning":{"effort":"medium","summary":"auto"}'),
        (EFFORT, depth("high"), b'"reasoning":{"effort":"high","summary":"auto"}'),
        (EFFORT, budget(2048), b'"reasoning":{"effort":"low","summary":"auto"}'),
        (EFFORT, depth("off"), b'"reasoning":{"effort":"none"}'),
        (
            ModelFacts(reasoning="effort", may_disable_reasoning=False),
            depth("off"),
            b'"reasoning":{"effort":"minimal","summary":"auto"}',
        ),
        (OPENROUTER, AUTO, b'"reasoning":{"effort":"medium","summary":"auto"}'),
    ],
)
def test_responses(facts: ModelFacts, reasoning: Reasoning, added: bytes) -> None:
    assert thinking("openai-responses", b'{"model":"m"}', reasoning, facts) == b'{"model":"m",' + added + b"}"


SHOWN = b'"thinking":{"type":"adaptive","display":"summarized"}'


@pytest.mark.parametrize(
    ("facts", "reasoning", "added"),
    [
        (ADAPTIVE, AUTO, SHOWN),
        (ADAPTIVE, depth("low"), SHOWN + b',"output_config":{"effort":"low"}'),
        (ADAPTIVE, depth("medium"), SHOWN + b',"output_config":{"effort":"medium"}'),
        (ADAPTIVE, depth("high"), SHOWN + b',"output_config":{"effort":"high"}'),
        (ADAPTIVE, depth("xhigh"), SHOWN + b',"output_config":{"effort":"xhigh"}'),
        (ADAPTIVE, depth("max"), SHOWN + b',"output_config":{"effort":"max"}'),
        (ADAPTIVE, budget(500), SHOWN + b',"output_config":{"effort":"low"}'),
        (ADAPTIVE, budget(16000), SHOWN + b',"output_config":{"effort":"high"}'),
        (ADAPTIVE, depth("off"), b'"thinking":{"type":"disabled"}'),
        (ALWAYS_ADAPTIVE, depth("off"), b'"output_config":{"effort":"low"}'),
        (BUDGET, AUTO, b'"thinking":{"type":"enabled","budget_tokens":8192}'),
        (BUDGET, depth("low"), b'"thinking":{"type":"enabled","budget_tokens":2048}'),
        (BUDGET, depth("medium"), b'"thinking":{"type":"enabled","budget_tokens":8192}'),
        (BUDGET, depth("high"), b'"thinking":{"type":"enabled","budget_tokens":16384}'),
        (BUDGET, depth("xhigh"), b'"thinking":{"type":"enabled","budget_tokens":32768}'),
        (BUDGET, depth("max"), b'"thinking":{"type":"enabled","budget_tokens":65536}'),
        (BUDGET, budget(5000), b'"thinking":{"type":"enabled","budget_tokens":5000}'),
        (BUDGET, budget(10), b'"thinking":{"type":"enabled","budget_tokens":1024}'),
        (BUDGET, depth("off"), b'"thinking":{"type":"disabled"}'),
        (
            ModelFacts(reasoning="budget", max_budget_tokens=30000),
            depth("max"),
            b'"thinking":{"type":"enabled","budget_tokens":30000}',
        ),
        (FLAG, AUTO, b'"thinking":{"type":"enabled","budget_tokens":8192}'),
    ],
)
def test_messages(facts: ModelFacts, reasoning: Reasoning, added: bytes) -> None:
    body = b'{"model":"m","max_tokens":100000}'
    assert thinking("anthropic", body, reasoning, facts) == body[:-1] + b"," + added + b"}"


@pytest.mark.parametrize(
    ("max_tokens", "reasoning", "expected"),
    [
        (b"8193", AUTO, b'{"max_tokens":8193,"thinking":{"type":"enabled","budget_tokens":8192}}'),
        (b"8192", AUTO, b'{"max_tokens":8192,"thinking":{"type":"enabled","budget_tokens":8191}}'),
        (b"1025", AUTO, b'{"max_tokens":1025,"thinking":{"type":"enabled","budget_tokens":1024}}'),
        (b"1024", AUTO, b'{"max_tokens":1024}'),
        (b"0", budget(4096), b'{"max_tokens":0}'),
        (b'"x"', AUTO, b'{"max_tokens":"x","thinking":{"type":"enabled","budget_tokens":8192}}'),
    ],
)
def test_a_budget_stays_below_the_limit_of_the_client(max_tokens: bytes, reasoning: Reasoning, expected: bytes) -> None:
    assert thinking("anthropic", b'{"max_tokens":%b}' % max_tokens, reasoning, BUDGET) == expected


@pytest.mark.parametrize("facts", [ADAPTIVE, BUDGET])
@pytest.mark.parametrize(
    ("sampling", "kept"),
    [
        (b',"temperature":0.7', b""),
        (b',"temperature":0', b""),
        (b',"temperature":1', b',"temperature":1'),
        (b',"temperature": 1.0', b',"temperature": 1.0'),
        (b',"top_k":5', b""),
        (b',"top_p":0.9', b""),
        (b',"top_p":0.95,"x":1', b',"top_p":0.95,"x":1'),
        (b',"temperature":0.2,"top_p":1,"top_k":1', b',"top_p":1'),
    ],
)
def test_sampling_that_thinking_excludes_is_dropped(facts: ModelFacts, sampling: bytes, kept: bytes) -> None:
    body = b'{"max_tokens":9000' + sampling + b"}"
    added = SHOWN if facts is ADAPTIVE else b'"thinking":{"type":"enabled","budget_tokens":8192}'
    assert thinking("anthropic", body, AUTO, facts) == b'{"max_tokens":9000' + kept + b"," + added + b"}"


@pytest.mark.parametrize("facts", [ADAPTIVE, BUDGET])
@pytest.mark.parametrize("choice", [b'{"type":"any"}', b'{"type":"tool","name":"f"}'])
def test_a_forced_tool_keeps_thinking_out(facts: ModelFacts, choice: bytes) -> None:
    body = b'{"max_tokens":9000,"temperature":0,"tool_choice":' + choice + b"}"
    assert thinking("anthropic", body, depth("high"), facts) == body


def test_a_tool_that_may_be_chosen_does_not() -> None:
    body = b'{"tool_choice":{"type":"auto"}}'
    assert thinking("anthropic", body, AUTO, ADAPTIVE) == body[:-1] + b"," + SHOWN + b"}"


def tool_turn(*first: bytes) -> bytes:
    blocks = b",".join([*first, b'{"type":"tool_use","id":"t","name":"f","input":{}}'])
    return (
        b'{"max_tokens":9000,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[%b]},'
        b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]}' % blocks
    )


def test_a_tool_turn_without_its_thinking_block_keeps_manual_thinking_out() -> None:
    lost = tool_turn(b'{"type":"text","text":"x"}')
    assert thinking("anthropic", lost, AUTO, BUDGET) == lost
    assert thinking("anthropic", lost, AUTO, ADAPTIVE) == lost[:-1] + b"," + SHOWN + b"}"
    whole = tool_turn(b'{"type":"thinking","thinking":"","signature":"s"}')
    assert b'"budget_tokens":8192' in thinking("anthropic", whole, AUTO, BUDGET)


@pytest.mark.parametrize("facts", [ADAPTIVE, BUDGET])
def test_a_prefill_is_refused(facts: ModelFacts) -> None:
    body = b'{"max_tokens":9000,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}'
    with pytest.raises(RequestError) as caught:
        thinking("anthropic", body, AUTO, facts)
    assert (caught.value.status, caught.value.param) == (400, "messages")


def test_effort_joins_an_output_config_without_touching_it() -> None:
    body = b'{"output_config": { "format":{"x":1e3} },"max_tokens":9}'
    expected = b'{"output_config": { "format":{"x":1e3} ,"effort":"high"},"max_tokens":9,' + SHOWN + b"}"
    assert thinking("anthropic", body, depth("high"), ADAPTIVE) == expected


@pytest.mark.parametrize(
    ("facts", "reasoning", "config"),
    [
        (FLASH, AUTO, b'{"includeThoughts":true,"thinkingBudget":-1}'),
        (FLASH, depth("low"), b'{"includeThoughts":true,"thinkingBudget":2048}'),
        (FLASH, depth("medium"), b'{"includeThoughts":true,"thinkingBudget":8192}'),
        (FLASH, depth("high"), b'{"includeThoughts":true,"thinkingBudget":24576}'),
        (FLASH, depth("max"), b'{"includeThoughts":true,"thinkingBudget":24576}'),
        (PRO, depth("xhigh"), b'{"includeThoughts":true,"thinkingBudget":32768}'),
        (FLASH, budget(100), b'{"includeThoughts":true,"thinkingBudget":100}'),
        (PRO, budget(100), b'{"includeThoughts":true,"thinkingBudget":128}'),
        (PRO, budget(99999), b'{"includeThoughts":true,"thinkingBudget":32768}'),
        (FLASH, depth("off"), b'{"thinkingBudget":0}'),
        (FLASH, budget(0), b'{"thinkingBudget":0}'),
        (PRO, depth("off"), b'{"thinkingBudget":128}'),
        (LEVEL, AUTO, b'{"includeThoughts":true}'),
        (LEVEL, depth("low"), b'{"includeThoughts":true,"thinkingLevel":"LOW"}'),
        (LEVEL, depth("medium"), b'{"includeThoughts":true,"thinkingLevel":"MEDIUM"}'),
        (LEVEL, depth("high"), b'{"includeThoughts":true,"thinkingLevel":"HIGH"}'),
        (LEVEL, depth("max"), b'{"includeThoughts":true,"thinkingLevel":"HIGH"}'),
        (LEVEL, budget(8192), b'{"includeThoughts":true,"thinkingLevel":"MEDIUM"}'),
        (LEVEL, depth("off"), b'{"thinkingLevel":"LOW"}'),
    ],
)
def test_gemini(facts: ModelFacts, reasoning: Reasoning, config: bytes) -> None:
    body = b'{"contents":[]}'
    expected = b'{"contents":[],"generationConfig":{"thinkingConfig":' + config + b"}}"
    assert thinking("gemini", body, reasoning, facts) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"generation_config": {"top_p" : 0.50},"contents":[]}',
            b'{"generation_config": {"top_p" : 0.50,"thinkingConfig":{"includeThoughts":true}},"contents":[]}',
        ),
        (b'{"generationConfig":null}', b'{"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}'),
        (
            b'{"generationConfig":{"thinkingConfig":null,"seed":0}}',
            b'{"generationConfig":{"thinkingConfig":{"includeThoughts":true},"seed":0}}',
        ),
        (b'{"generationConfig":[]}', b'{"generationConfig":[]}'),
    ],
)
def test_gemini_keeps_the_spelling_and_the_bytes(body: bytes, expected: bytes) -> None:
    assert thinking("gemini", body, AUTO, LEVEL) == expected


EXPLICIT: list[tuple[Dialect, bytes]] = [
    ("openai-chat", b'{"reasoning_effort":"none"}'),
    ("openai-chat", b'{"reasoning":{"exclude":true}}'),
    ("openai-chat", b'{"thinking":{"type":"disabled"}}'),
    ("openai-chat", b'{"enable_thinking":false}'),
    ("openai-chat", b'{"chat_template_kwargs":{"enable_thinking":false}}'),
    ("openai-responses", b'{"reasoning":{"effort":"low"}}'),
    ("anthropic", b'{"thinking":{"type":"disabled"},"temperature":0}'),
    ("anthropic", b'{"output_config":{"effort":"low"},"max_tokens":1}'),
    ("gemini", b'{"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}}'),
    ("gemini", b'{"generation_config":{"thinking_config":{"thinking_level":"LOW"}}}'),
]


@pytest.mark.parametrize(("dialect", "body"), EXPLICIT)
@pytest.mark.parametrize("facts", [ModelFacts(), EFFORT, ADAPTIVE, BUDGET, LEVEL, FLAG, OPENROUTER])
def test_an_explicit_setting_wins(dialect: Dialect, body: bytes, facts: ModelFacts) -> None:
    assert thinking(dialect, body, depth("high"), facts) == body


@pytest.mark.parametrize(
    "body", [b'{"reasoning_effort":null}', b'{"chat_template_kwargs":{"x":1},"reasoning_effort":null}']
)
def test_null_is_no_setting(body: bytes) -> None:
    expected = body.replace(b"null", b'"high"')
    assert thinking("openai-chat", body, depth("high"), EFFORT) == expected


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("reasoning", [AUTO, depth("off"), depth("max"), budget(9)])
def test_a_model_without_a_thinking_variant_is_refused(dialect: Dialect, reasoning: Reasoning) -> None:
    with pytest.raises(RequestError, match="no thinking variant") as caught:
        thinking(dialect, b'{"model":"m"}', reasoning, ModelFacts())
    assert (caught.value.status, caught.value.param) == (400, "model")
