"""Writes the table into docs/translation.md."""

from tests.contract.fates.table import BEGIN, DOCUMENT, END, rendered

text = DOCUMENT.read_text("utf-8")
head, _, rest = text.partition(BEGIN)
DOCUMENT.write_text(f"{head}{BEGIN}\n{rendered()}\n{END}{rest.partition(END)[2]}", "utf-8")
