"""The fate of each field in each translated cell, found out by asking the codecs.

The official packages' own types say which fields there are (`shapes`); each gets a minimal request that says it
(`samples`, `requests`, `probes`), which is translated with and without the field (`verdicts`). The outcome is the table
of docs/translation.md (`table`). `python -m tests.contract.fates` writes it.
"""
