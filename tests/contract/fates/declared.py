"""Values that provably change nothing, with the reason: beside what the decoders say themselves."""

from __future__ import annotations

import re

__all__ = ["EMPTY", "declared"]

EMPTY = "empty"
_DEFAULT = "it is the default"
_NOTHING = "it asks for nothing"
_NO_OPS: tuple[tuple[str, str, str], ...] = (
    (r"n|.*candidateCount", "1", _DEFAULT),
    (r".*(presence|frequency)(_p|P)enalty", "0", _DEFAULT),
    (r"logprobs|.*responseLogprobs", "false", _NOTHING),
    (r"top_logprobs", "0", _NOTHING),
    (r"store|background|.*defer_loading|.*includeThoughts", "false", _DEFAULT),
    (r"verbosity|text.verbosity", "medium", _DEFAULT),
    (r"service_tier", "auto", _DEFAULT),
    (r"serviceTier", "unspecified", _NOTHING),
    (r"parallel_tool_calls", "true", _DEFAULT),
    (r"function_call", "auto", _DEFAULT),
    (r"tool_choice.*\.disable_parallel_tool_use", "false", _DEFAULT),
    (r"modalities", r"\['text'\]", _DEFAULT),
    (r".*responseModalities", r"\['TEXT'\]", _DEFAULT),
    (r".*responseMimeType", "text/plain", _DEFAULT),
    (r"response_format\[text\]|text\.format\[text\]|.*\.format\[text\]", "", _DEFAULT),
    (r"stream_options.include_usage", "false", _DEFAULT),
    (r"truncation", "disabled", _DEFAULT),
    (r".*tools.*\.strict", "false", _DEFAULT),
    (r".*is_error", "false", _DEFAULT),
    (r".*citations.enabled", "false", _DEFAULT),
    (r".*thought|.*nullable", "false", _DEFAULT),
    (r".*allowed_callers", r"\['direct'\]", _DEFAULT),
    (r".*functionCallingConfig.mode", "AUTO|MODE_UNSPECIFIED", _DEFAULT),
    (r".*thinkingLevel", "THINKING_LEVEL_UNSPECIFIED", _NOTHING),
    (r"thinking.*display", "summarized", _DEFAULT),
    (r".*detail", "auto", _DEFAULT),
    (r"(messages\[function\]|input\[.*_output\]).name", "", "the call that it answers has the name"),
    (r".*functionResponse.id", "", "the order says the same"),
    (r".*fileData.mimeType", "", "what lies at the address says its own type"),
    (r".*source\[base64\].media_type", ".*", "the data themselves say their type"),
    (r".*(responseSchema|parameters)\.(example|propertyOrdering)", "", "it constrains nothing"),
    (r".*responseSchema.additionalProperties", "", "objects are always closed there"),
    (r"systemInstruction.role", "", "the field says the role"),
    (r".*thinkingBudget", "-1", _DEFAULT),
    (r"(response_format|text.format).*\.name", "", "formats have no name there"),
    (r"text.format.*\.strict|response_format.*\.strict", "true", "formats are always strict there"),
    (r".*(cache_control|prompt_cache_breakpoint).*", ".*", "a cache hint changes the price only"),
)


def declared(shown: str, form: str, value: object) -> str:
    """Why this value changes nothing; "" if nobody says so."""
    if value in ({}, [], [{}]):
        return EMPTY
    for names, forms, why in _NO_OPS:
        if re.fullmatch(names, shown) and re.fullmatch(forms, form):
            return why
    return ""
