"""What messages are made of besides text."""

from __future__ import annotations

from typing import Any, Final

from tests.contract.matrix.asks.ask import (
    A,
    Ask,
    C,
    G,
    R,
    Refused,
    Reported,
    chat,
    content,
    gemini,
    messages,
    responses,
    towards,
    user,
)

__all__ = ["CONTENT"]

Json = dict[str, Any]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
PNG_URL = f"data:image/png;base64,{PNG}"
PDF_URL = f"data:application/pdf;base64,{PDF}"

QUESTION = {
    C: {"type": "text", "text": "what?"},
    R: {"type": "input_text", "text": "what?"},
    A: {"type": "text", "text": "what?"},
}


def _beside(
    c: Json | None = None, r: Json | None = None, a: Json | None = None, g: Json | None = None
) -> dict[str, Json]:
    """Each client's part, before a question about it."""
    asked: dict[str, Json] = {}
    if c:
        asked[C] = chat(user([c, QUESTION[C]]))
    if r:
        asked[R] = responses(user([r, QUESTION[R]]))
    if a:
        asked[A] = messages(user([a, QUESTION[A]]))
    if g:
        asked[G] = gemini(content("user", g, {"text": "what?"}))
    return asked


def _turns(said: dict[str, Json]) -> dict[str, Json]:
    """The pattern of what was said: its turns, whatever else there is."""
    return {
        dialect: {name: turns for name, turns in body.items() if name in ("messages", "input", "contents")}
        for dialect, body in said.items()
    }


IMAGE = _beside(
    c={"type": "image_url", "image_url": {"url": PNG_URL}},
    r={"type": "input_image", "image_url": PNG_URL},
    a={"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    g={"inlineData": {"mimeType": "image/png", "data": PNG}},
)
DOCUMENT = _beside(
    c={"type": "file", "file": {"filename": "a.pdf", "file_data": PDF_URL}},
    r={"type": "input_file", "filename": "a.pdf", "file_data": PDF_URL},
    a={"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
    g={"inlineData": {"mimeType": "application/pdf", "data": PDF}},
)
NAMELESS_DOCUMENT = _beside(
    c={"type": "file", "file": {"file_data": PDF_URL}},
    r={"type": "input_file", "file_data": PDF_URL},
    a={"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
    g={"inlineData": {"mimeType": "application/pdf", "data": PDF}},
)
AUDIO = _beside(
    c={"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
    g={"inlineData": {"mimeType": "audio/wav", "data": WAV}},
)


CONTENT: Final = (
    Ask(name="an image, inline", said=IMAGE, wanted=_turns(IMAGE)),
    Ask(
        name="a document, inline",
        said=DOCUMENT,
        wanted=_turns(NAMELESS_DOCUMENT),
        fates=towards(G, Reported(("messages.0.content.0.file.filename",)), C)
        | towards(G, Reported(("input.0.content.0.filename",)), R),
    ),
    Ask(
        name="audio",
        said=AUDIO,
        wanted=_turns(AUDIO),
        fates=towards(R, Refused("messages.0.content.0"), C)
        | towards(A, Refused("messages.0.content.0"), C)
        | towards(R, Refused("contents.0.parts.0"), G)
        | towards(A, Refused("contents.0.parts.0"), G),
    ),
    Ask(
        name="a file that lies with the vendor",
        said=_beside(
            c={"type": "file", "file": {"file_id": "file-1"}},
            r={"type": "input_file", "file_id": "file-1"},
            a={"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            g={
                "fileData": {
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/1",
                    "mimeType": "application/pdf",
                }
            },
        ),
        wanted={},
        fates={
            (client, upstream): Refused(path)
            for client, path in (
                (C, "messages.0.content.0.file"),
                (R, "input.0.content.0.file_id"),
                (A, "messages.0.content.0.source"),
                (G, "contents.0.parts.0.fileData"),
            )
            for upstream in (C, R, A, G)
        },
    ),
)
