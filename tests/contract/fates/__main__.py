"""Writes the tables into docs/translation.md."""

from tests.contract.fates.table import ANSWERS, DOCUMENT, REQUESTS, between, rendered, rendered_answers

text = DOCUMENT.read_text("utf-8")
for marks, table in ((REQUESTS, rendered()), (ANSWERS, rendered_answers())):
    head, _, tail = between(text, marks)
    text = f"{head}\n{table}\n{tail}"
DOCUMENT.write_text(text, "utf-8")
