"""Who said what, and what the model was told to do."""

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
    text,
    towards,
)

__all__ = ["TURNS"]

ASKED = {"role": "user", "content": text("hi")}
GEMINI_ASKED = content("user", {"text": "hi"})


def _told(role: str, *texts: str) -> list[Any]:
    return [{"role": role, "content": text(each)} for each in texts]


def _is_instruction(role: object) -> bool:
    return role in ("system", "developer")


def _said(wanted: str) -> Any:
    """The model's own words, in whichever of the two forms Responses takes."""

    def says(item: object) -> bool:
        return isinstance(item, dict) and item.get("role") == "assistant" and text(wanted)(item.get("content"))

    return says


TALK = (
    ("user", "one"),
    ("assistant", "two"),
    ("user", "three"),
)
CONVERSATION = [{"role": role, "content": said} for role, said in TALK]
GEMINI_CONVERSATION = [content({"assistant": "model"}.get(role, role), {"text": said}) for role, said in TALK]

REMINDER = "<system-reminder>\nNow in French.\n</system-reminder>"


TURNS: Final = (
    Ask(
        name="a text",
        said={C: chat("hi"), R: {"input": "hi"}, A: messages("hi"), G: gemini("hi")},
        wanted={
            C: {"messages": [ASKED]},
            R: {"input": [ASKED]},
            A: {"messages": [ASKED]},
            G: {"contents": [GEMINI_ASKED]},
        },
    ),
    Ask(
        name="a system prompt",
        said={
            C: chat({"role": "system", "content": "Be brief."}, "hi"),
            R: responses("hi", instructions="Be brief."),
            A: messages("hi", system="Be brief."),
            G: gemini("hi", systemInstruction={"parts": [{"text": "Be brief."}]}),
        },
        wanted={
            C: {"messages": [{"role": _is_instruction, "content": text("Be brief.")}, ASKED]},
            R: {"input": [*_told("developer", "Be brief."), ASKED]},
            A: {"system": text("Be brief."), "messages": [ASKED]},
            G: {"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [GEMINI_ASKED]},
        },
    ),
    Ask(
        name="several system prompts",
        said={
            C: chat({"role": "system", "content": "Be brief."}, {"role": "developer", "content": "Be kind."}, "hi"),
            R: responses({"role": "developer", "content": "Be kind."}, "hi", instructions="Be brief."),
            A: messages("hi", system=[{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]),
            G: gemini("hi", systemInstruction={"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}),
        },
        wanted={
            C: {
                "messages": [
                    {"role": _is_instruction, "content": text("Be brief.")},
                    {"role": _is_instruction, "content": text("Be kind.")},
                    ASKED,
                ]
            },
            R: {"input": [*_told("developer", "Be brief.", "Be kind."), ASKED]},
            A: {"system": text("Be brief.", "Be kind."), "messages": [ASKED]},
            G: {"systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}},
        },
    ),
    Ask(
        name="an instruction in mid-conversation",
        said={
            C: chat(*CONVERSATION[:2], {"role": "system", "content": "Now in French."}, CONVERSATION[2]),
            R: responses(*CONVERSATION[:2], {"role": "developer", "content": "Now in French."}, CONVERSATION[2]),
            A: messages(*CONVERSATION[:2], {"role": "system", "content": "Now in French."}, CONVERSATION[2]),
        },
        wanted={
            C: {"messages": [{}, {}, {"role": _is_instruction, "content": text("Now in French.")}, {}]},
            R: {"input": [{}, {}, *_told("developer", "Now in French."), {}]},
            A: {"messages": [{}, {}, {"role": "user", "content": text(REMINDER, "three")}]},
            G: {"contents": [{}, {}, content("user", {"text": REMINDER}, {"text": "three"})]},
        },
        fates=towards(A, Reported(("messages.2.content",)), C)
        | towards(A, Reported(("input.2.content",)), R)
        | towards(G, Reported(("messages.2.content",)), C, A)
        | towards(G, Reported(("input.2.content",)), R),
    ),
    Ask(
        name="several turns",
        said={
            C: chat(*CONVERSATION),
            R: responses(*CONVERSATION),
            A: messages(*CONVERSATION),
            G: gemini(*GEMINI_CONVERSATION),
        },
        wanted={
            C: {"messages": [{"role": role, "content": text(said)} for role, said in TALK]},
            R: {"input": [{"role": "user", "content": text("one")}, _said("two"), {"content": text("three")}]},
            A: {"messages": [{"role": role, "content": text(said)} for role, said in TALK]},
            G: {"contents": GEMINI_CONVERSATION},
        },
    ),
    Ask(
        name="neighbours of one role",
        said={
            C: chat("one", "two"),
            R: responses("one", "two"),
            A: messages("one", "two"),
            G: gemini("one", "two"),
        },
        wanted={
            C: {"messages": [{"content": text("one")}, {"content": text("two")}]},
            R: {"input": [{"content": text("one")}, {"content": text("two")}]},
            A: {"messages": [{"role": "user", "content": text("one", "two")}]},
            G: {"contents": [content("user", {"text": "one"}, {"text": "two"})]},
        },
    ),
    Ask(
        name="the beginning of the answer (prefill)",
        said={
            C: chat("hi", {"role": "assistant", "content": "Well"}),
            A: messages("hi", {"role": "assistant", "content": "Well"}),
            G: gemini("hi", content("model", {"text": "Well"})),
        },
        wanted={},
        fates={
            (client, upstream): Refused(path)
            for client, path in ((C, "messages.1"), (A, "messages.1"), (G, "contents.1"))
            for upstream in (C, R, A, G)
        },
    ),
)
