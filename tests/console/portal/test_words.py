"""Every language says the same things, and pages say nothing that is not among them."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import torouter.console.portal
from torouter.console.portal.words import LANGUAGES, Words, language_for
from torouter.routing.explain import WHY_NOT

FOLDER = Path(torouter.console.portal.__file__).parent
ENGLISH = Words.read("en")
NUMBERS = re.compile(r"\.(one|other)$")


def keys_of(words: Words) -> set[str]:
    return {NUMBERS.sub("", key) for key in words.texts}


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", LANGUAGES)
class TestLanguages:
    def test_have_the_same_keys(self, language: str) -> None:
        assert keys_of(Words.read(language)) == keys_of(ENGLISH)

    def test_name_the_same_values(self, language: str) -> None:
        for key, text in Words.read(language).texts.items():
            english = ENGLISH.texts.get(key) or ENGLISH.texts[NUMBERS.sub(".other", key)]
            assert names_in(text) == names_in(english), key

    def test_say_something(self, language: str) -> None:
        assert all(text.strip() for text in Words.read(language).texts.values())

    def test_every_counted_text_has_the_general_form(self, language: str) -> None:
        texts = Words.read(language).texts
        assert all(NUMBERS.sub(".other", key) in texts for key in texts if key.endswith(".one"))


def test_why_somebody_is_not_asked_is_told_as_programs_are_told() -> None:
    assert {key: text for key, text in ENGLISH.texts.items() if key.startswith("why_not.")} == {
        f"why_not.{word}": sentence for word, sentence in WHY_NOT.items()
    }


def test_one_word_for_a_channel_in_chinese() -> None:
    paths = (FOLDER / "words" / "zh-CN.toml", *FOLDER.glob("guide/zh-CN/*.md"))
    assert [path.name for path in paths if "通道" in path.read_text("utf-8")] == []


def used() -> set[str]:
    """The keys, or beginnings of keys, that templates and code name."""
    found: set[str] = set()
    for path in (*FOLDER.glob("templates/**/*.html"), *FOLDER.glob("**/*.py")):
        found |= set(re.findall(r'\b(?:t|n|named|words)\(\s*"([\w.]+)"', path.read_text("utf-8")))
    return found


def test_templates_name_only_what_is_there() -> None:
    assert used()
    keys = keys_of(ENGLISH)
    unknown = {
        name for name in used() if name not in keys and not any(key.startswith(name.rstrip(".") + ".") for key in keys)
    }
    assert not unknown


def test_nothing_is_said_that_no_page_says() -> None:
    beginnings = {name.rstrip(".") for name in used()}
    idle = {
        key
        for key in keys_of(ENGLISH)
        if key not in beginnings and not any(key.startswith(beginning + ".") for beginning in beginnings)
    }
    assert not idle


def test_templates_have_no_words_of_their_own() -> None:
    allowed = {"ToRouter", "· ToRouter", "EN", "curl", "POST", "-thinking", "torouter account password", "M", "%"}
    for path in FOLDER.glob("templates/**/*.html"):
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
        text = re.sub(r"<[^>]*>", "\n", text)
        words = {line.strip() for line in text.splitlines() if re.search(r"[A-Za-z]{2}", line)}
        assert not {word for word in words if word not in allowed and '="' not in word}, path.name


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "", "en"),
        ("zh-CN", "en", "zh-CN"),
        ("xx", "zh-TW", "zh-CN"),
        (None, "en-GB,en;q=0.9", "en"),
        (None, "fr-CH, fr;q=0.9, zh;q=0.3, en;q=0.2", "zh-CN"),
        (None, "zh;q=0, en;q=0.1", "en"),
        (None, "*", "en"),
        (None, ";;;q=,,zh;q=x,\x00", "en"),
    ],
)
def test_the_language_is_the_readers(chosen: str | None, accepted: str, language: str) -> None:
    assert language_for(chosen, accepted) == language


def test_counting() -> None:
    assert ENGLISH.counted("keys.models", 1) == "1 model"
    assert ENGLISH.counted("keys.models", 1200) == "1,200 models"
    assert Words.read("zh-CN").counted("keys.models", 1) == "1 个模型"
