"""The guide for those who call the API: pages of Markdown, the same ones in each language of the portal.

`contents` says which pages there are and in which order, `markdown` makes HTML of one, `book` keeps what was made and
looks for words in it. In the Markdown a name in double braces stands for what belongs to this host: `{{ base }}` is its
address, `{{ openai }}`, `{{ claude }}` and `{{ gemini }}` are models that it serves, and `{{ snippet codex }}` is the
ready-made setting of that name (`portal.snippets`). Pages are rendered with these names still in them and
kept for good; the values, escaped, are put in for each reader. So what a caller says its `Host` is never reaches what
is kept.
"""

from torouter.console.portal.guide.book import Found, Place, filled, find, read_page
from torouter.console.portal.guide.contents import CHAPTERS, NAMES, Chapter, neighbours
from torouter.console.portal.guide.markdown import Heading, Rendered

__all__ = [
    "CHAPTERS",
    "NAMES",
    "Chapter",
    "Found",
    "Heading",
    "Place",
    "Rendered",
    "filled",
    "find",
    "neighbours",
    "read_page",
]
