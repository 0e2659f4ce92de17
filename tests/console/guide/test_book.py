"""From Markdown to what a reader gets: what is refused, what is escaped, what is kept, what is found."""

from __future__ import annotations

import re

import pytest

from torouter.console.portal.guide import NAMES, Place, filled, find, neighbours, read_page
from torouter.console.portal.guide.markdown import render
from torouter.console.portal.snippets import models_by_family
from torouter.console.portal.words import LANGUAGES, Words

ENGLISH = Words.read("en")
BEGINNING = "# Title\n\nA lead.\n\n"


def html(text: str) -> str:
    return render(BEGINNING + text, ENGLISH).html


class TestMarkdown:
    def test_a_page_has_a_title_a_lead_and_headings(self) -> None:
        made = render(BEGINNING + "## On *it* {#it}\n\nText `code`.\n\n### More {#more}\n\nEnd.\n", ENGLISH)
        assert (made.title, made.lead) == ("Title", "A lead.")
        assert [(each.id, each.title, each.level) for each in made.headings] == [
            ("it", "On it", 2),
            ("more", "More", 3),
        ]
        assert '<h2 id="it">On <em>it</em></h2>' in made.html
        assert [(each.id, each.text) for each in made.sections] == [
            ("", "A lead."),
            ("it", "Text code."),
            ("more", "End."),
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "Text.\n",
            "# Title\n",
            "# Title\n\n## At once {#x}\n",
            BEGINNING + "## No id\n",
            BEGINNING + "## A {#a}\n\n## B {#a}\n",
            BEGINNING + "# Another {#a}\n",
            BEGINNING + "[elsewhere](https://example.com)\n",
            BEGINNING + "[elsewhere](//example.com)\n",
            BEGINNING + "[beside](errors)\n",
            BEGINNING + "<https://example.com>\n",
        ],
    )
    def test_what_is_no_page_of_ours_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"page begins|no id|leaves this host"):
            render(text, ENGLISH)

    def test_html_is_text(self) -> None:
        made = html(
            "<script>alert(1)</script> <b>x</b>\n\n<div>y</div>\n\n```sh\n<i>'\"&\n```\n\n[x](javascript:alert)\n"
        )
        assert not re.search(r"<(?:script|b|i|a)\b|<div>", made)
        assert "&lt;i&gt;&#x27;&quot;&amp;" in made

    def test_code_can_be_copied_and_output_cannot(self) -> None:
        made = html("```sh\nls\n```\n\n```json output\n{}\n```\n")
        assert made.count("<button") == 1
        assert 'data-copy="code-1"' in made
        assert '<code id="code-1">ls</code>' in made
        assert made.count('role="region"') == 2

    def test_rows_can_be_linked_to(self) -> None:
        made = html("| code | x |\n|---|---|\n| `API_KEY` | 1 |\n| `API_KEY` | 2 |\n| plain | 3 |\n")
        assert made.count('id="api_key"') == 1
        assert '<div class="scroll" tabindex="0"' in made

    def test_cells_say_their_columns(self) -> None:
        made = html("| a `b` | <c> |\n|---|---|\n| 1 | 2 |\n\n| d |\n|---|\n| 3 |\n")
        labels = re.findall(r'data-label="([^"]*)">(\d)', made)
        assert labels == [("a b", "1"), ("&lt;c&gt;", "2"), ("d", "3")]


class TestFilling:
    @pytest.mark.parametrize(
        ("base", "shown"),
        [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("https://llm.example.com", "https://llm.example.com"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ('http://x"><script>alert(1)</script>', "https://torouter.example"),
            ("http://x; rm -rf ~", "https://torouter.example"),
            ("http://x$(id)", "https://torouter.example"),
            ("http://user@evil.example", "https://torouter.example"),
            ("http://{{ base }}", "https://torouter.example"),
            ("javascript://x", "https://torouter.example"),
            ("http://x\nevil", "https://torouter.example"),
            ("", "https://torouter.example"),
        ],
    )
    def test_an_address_that_is_none_is_not_repeated(self, base: str, shown: str) -> None:
        place = Place(base, models_by_family([]))
        assert filled("<code>{{ base }}/v1 {{ host }}</code>", place) == (
            f"<code>{shown}/v1 {shown.partition('://')[2]}</code>"
        )

    def test_names_of_models_are_escaped_and_put_in_once(self) -> None:
        place = Place("http://x", models_by_family(["gpt-<b>{{ base }}"]))
        assert filled("{{ openai }} {{ other }}", place) == "gpt-&lt;b&gt;{{ base }} {{ other }}"

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_nothing_is_left_to_fill(self, language: str) -> None:
        for name in NAMES:
            page = filled(read_page(Words.read(language), name).html, Place("http://x", models_by_family([])))
            assert "{{" not in page
            assert "snippet" not in page

    def test_a_page_is_made_once_whoever_asks(self) -> None:
        assert read_page(ENGLISH, "errors") is read_page(Words.read("en"), "errors")


class TestSearch:
    def test_all_words_must_be_there_and_headings_come_first(self) -> None:
        found = find(ENGLISH, "  Spend CAP ")
        assert found
        assert any("spend" in each.excerpt.lower() for each in found)
        first = find(ENGLISH, "rotation")[0]
        assert (first.path, first.title) == ("/docs/keys#rotation", "Rotation")

    def test_a_part_before_the_first_heading_is_its_page(self) -> None:
        assert "/docs/media" in {each.path for each in find(ENGLISH, "what is not chat")}

    @pytest.mark.parametrize("wanted", ["", "   ", "xyzzy-nowhere", "spend xyzzy-nowhere"])
    def test_what_is_not_there_is_not_found(self, wanted: str) -> None:
        assert find(ENGLISH, wanted) == []

    def test_there_is_an_end_to_it(self) -> None:
        assert len(find(ENGLISH, "e")) == 30

    def test_it_finds_chinese(self) -> None:
        assert "/docs/keys#rotation" in {each.path for each in find(Words.read("zh-CN"), "轮换")}

    def test_no_name_is_cut_in_two(self) -> None:
        for word in ("curl", "models", "base", "content", "python"):
            for each in find(ENGLISH, word):
                whole = re.sub(r"\{\{ \w+ \}\}", "", each.excerpt)
                assert not re.search(r"\{\{ |^…?\w* ?\}\}", whole), each


def test_pages_follow_each_other() -> None:
    assert neighbours(NAMES[0]) == (None, NAMES[1])
    assert neighbours(NAMES[-1]) == (NAMES[-2], None)
    assert neighbours(NAMES[3]) == (NAMES[2], NAMES[4])
