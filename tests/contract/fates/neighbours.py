"""What has to stand beside a field in its own record, where the type does not say so."""

from __future__ import annotations

from typing import Any

from tests.contract.fates.samples import PNG

__all__ = ["NEIGHBOURS"]

_ATTRIBUTES = (
    *("thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata", "mediaProcessing"),
    *("audioTranscription", "speechMetadata", "documentMetadata", "spreadsheetMetadata", "audioMetadata"),
)
"""Fields of a Gemini part that stand beside what it holds."""
_PICTURE = "https://example.com/a.png"
_FILE = "data:application/pdf;base64,JVBERi0xLjQK"
NEIGHBOURS: dict[str, dict[str, Any]] = {
    "ChatCompletionAssistantMessageParam": {"content": "so"},
    "FunctionCallOutput": {"call_id": "call_1"},
    "InputSchemaTyped": {"properties": {"city": {"type": "string"}}},
    "genai.Content": {"parts": [{"text": "so"}]},
    "genai.Part": {"text": "so"},
    "SystemMessageParam": {"content": "hi"},
    **{f"genai.Part.{name}": {"text": "so"} for name in _ATTRIBUTES},
    "genai.Blob": {"mimeType": "image/png", "data": PNG},
    "genai.FunctionCall": {"name": "look", "args": {"city": "Oslo"}},
    "genai.FunctionResponse": {"name": "look", "response": {"output": "sunny"}},
    "genai.FunctionResponsePart": {},
    "genai.FunctionDeclaration": {"name": "look"},
    "genai.FileData": {"fileUri": _PICTURE, "mimeType": "image/png"},
    "genai.Schema": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
    "genai.FunctionCallingConfig.allowedFunctionNames": {"mode": "ANY"},
    "genai.GenerationConfig.responseJsonSchema": {"responseMimeType": "application/json"},
    "genai.GenerationConfig.responseSchema": {"responseMimeType": "application/json"},
    "File": {"file": {"file_data": _FILE}},
    "FileFile": {"file_data": _FILE},
    "ResponseInputFileParam": {"file_data": _FILE},
    "ResponseInputFileContentParam": {"file_data": _FILE},
    "ResponseInputImageParam": {"image_url": _PICTURE},
    "ResponseInputImageContentParam": {"image_url": _PICTURE},
}
"""What a record needs beside a field that its type does not say it needs."""
