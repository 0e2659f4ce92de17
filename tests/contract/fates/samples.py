"""Telling values of fields: what a probe says. By record and field, by field, or by kind."""

from __future__ import annotations

import base64
import typing
from typing import Any

from tests.contract.fates.shapes import Field, element_kinds, fields_of, is_record, name_of, values_of

__all__ = ["PDF", "PNG", "least", "samples"]

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
PDF = base64.b64encode(b"%PDF-1.4\n" + bytes(40)).decode()
_WAV = base64.b64encode(b"RIFF0000WAVE" + bytes(40)).decode()
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_LOCATION = {"type": "approximate", "city": "Oslo"}

_BY_FIELD: dict[str, list[Any]] = {
    "ImageURL.url": [f"data:image/png;base64,{PNG}", "https://example.com/a.png"],
    "InputAudio.data": [_WAV],
    "Base64ImageSourceParam.data": [PNG],
    "BetaBase64ImageSourceParam.data": [PNG],
    "Base64PDFSourceParam.data": [PDF],
    "BetaBase64PDFSourceParam.data": [PDF],
    "genai.Blob.data": [PNG],
    "genai.Blob.mimeType": ["image/png"],
    "genai.FunctionResponseBlob.data": [PNG],
    "genai.FunctionResponseBlob.mimeType": ["image/png"],
    "genai.FileData.fileUri": ["https://example.com/a.png"],
    "genai.FileData.mimeType": ["image/png"],
    "genai.FunctionResponseFileData.fileUri": ["https://example.com/a.png"],
    "genai.FunctionResponseFileData.mimeType": ["image/png"],
    "genai.FunctionCall.args": [{"city": "Oslo"}],
    "genai.FunctionResponse.response": [{"output": "sunny"}, {"error": "down"}, {"sky": "blue"}],
    "ThinkingConfigEnabledParam.budget_tokens": [2000, 20_000],
    "BetaThinkingConfigEnabledParam.budget_tokens": [2000, 20_000],
    "genai.GenerationConfig.responseMimeType": ["text/plain", "application/json", "text/x.enum"],
    "genai.GenerationConfig.responseModalities": [["TEXT"], ["IMAGE"]],
    "genai.GenerationConfig.responseSchema": [{"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}],
    "genai.GenerationConfig.temperature": [0.5],
    "genai.GenerationConfig.logprobs": [2],
    "genai.FunctionDeclaration.parameters": [{"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}],
    "genai.FunctionDeclaration.response": [{"type": "OBJECT"}],
    "genai.ThinkingConfig.thinkingBudget": [0, 2000, -1],
    "genai.FunctionCallingConfig.allowedFunctionNames": [["look"]],
    "ToolChoiceAllowedParam.tools": [[{"type": "function", "name": "look"}]],
    "ChatCompletionAllowedToolsParam.tools": [[{"type": "function", "function": {"name": "look"}}]],
    "ChatCompletionNamedToolChoiceCustomParam.custom": [{"name": "write"}],
    "ToolChoiceCustomParam.name": ["write"],
    "genai.Schema.additionalProperties": [False],
    "genai.VideoMetadata.fps": [2],
    "args": [{"city": "Oslo"}],
    "arguments": ['{"city":"Oslo"}', '{"city":"Rome"}'],
    "input_schema": [_SCHEMA],
    "parameters": [_SCHEMA],
    "parametersJsonSchema": [_SCHEMA],
    "responseJsonSchema": [_SCHEMA],
    "schema": [_SCHEMA],
    "output_schema": [_SCHEMA],
    "input_examples": [[{"city": "Oslo"}]],
    "name": ["look"],
    "id": ["call_1"],
    "call_id": ["call_1"],
    "tool_call_id": ["call_1"],
    "tool_use_id": ["call_1"],
    "file_data": [f"data:application/pdf;base64,{PDF}"],
    "file_url": ["https://example.com/a.pdf"],
    "image_url": [f"data:image/png;base64,{PNG}", "https://example.com/a.png"],
    "url": ["https://example.com/a.pdf"],
    "allowed_callers": [["direct"], ["code_execution_20250825"]],
    "n": [1, 2],
    "candidateCount": [1, 2],
    "presence_penalty": [0, 0.5],
    "frequency_penalty": [0, 0.5],
    "presencePenalty": [0, 0.5],
    "frequencyPenalty": [0, 0.5],
    "logit_bias": [{}, {"1": 5}],
    "top_logprobs": [0, 2],
    "stop": ["END", ["END", "FIN"], ["1", "2", "3", "4", "5"]],
    "stopSequences": [["END"], ["1", "2", "3", "4", "5"]],
    "stop_sequences": [["END"], ["1", "2", "3", "4", "5"]],
    "temperature": [0.5, 1, 1.5],
    "top_p": [0.5, 1],
    "max_tokens": [100],
    "max_completion_tokens": [100],
    "max_output_tokens": [100, 7],
    "maxOutputTokens": [100],
    "modalities": [["text"], ["text", "audio"]],
    "metadata": [{"team": "a"}],
    "labels": [{"team": "a"}],
    "user_location": [_LOCATION],
    "include": [
        ["reasoning.encrypted_content"],
        ["message.output_text.logprobs"],
        ["web_search_call.action.sources"],
    ],
    "variables": [{"a": "b"}],
}
_SCALARS: dict[Any, list[Any]] = {
    str: ["said"],
    int: [7],
    float: [0.25],
    bool: [True, False],
    bytes: ["c2FpZA=="],
    object: ["said"],
    Any: ["said"],
}


def samples(record: Any, field: Field, kind: Any) -> list[Any]:
    """Values of one kind of a field, each a form of its own."""
    known = _BY_FIELD.get(f"{'' if record is None else name_of(record)}.{field.name}") or _BY_FIELD.get(field.name)
    if known is not None and not is_record(kind):
        fitting = [value for value in known if _fits(value, kind)]
        if fitting:
            return fitting
    words = values_of(kind)
    if words is not None:
        return words
    if is_record(kind):
        return [least(kind)]
    elements = element_kinds(kind)
    if elements is not None:
        return [[value] for each in elements[:1] for value in samples(record, Field("", (each,), True), each)]
    if typing.get_origin(kind) is dict or kind is dict:
        return [{"said": "so"}]
    return _SCALARS.get(kind, ["said"])


def least(record: Any, *, seen: tuple[Any, ...] = ()) -> dict[str, Any]:
    """The smallest valid value: what is required, and nothing else."""
    value: dict[str, Any] = {}
    for field in fields_of(record).values():
        if not field.is_required or not field.kinds:
            continue
        kind = field.kinds[0]
        value[field.name] = {} if is_record(kind) and kind in seen else samples(record, field, kind)[0]
    return value


def _fits(value: Any, kind: Any) -> bool:
    if kind in (object, Any):
        return True
    if isinstance(value, list):
        return element_kinds(kind) is not None
    if isinstance(value, dict):
        return typing.get_origin(kind) is dict or kind is dict
    if isinstance(value, str):
        return kind is str
    return isinstance(value, bool) is (kind is bool) and kind in (int, float, bool)
