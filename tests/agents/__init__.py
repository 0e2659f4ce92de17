"""The agent CLIs, unmodified, at work with tools over the running gateway and a scripted upstream.

Over their own dialect each has a test file and the `errand`, by a script of its own (`messages_script`,
`responses_script`, `gemini_script`). Over all four dialects, `test_cells` sends them on the `journey` of several turns,
whose upstream's part is in `upstreams`. `make agents` runs all of it, also the cells that no ordinary run has time for.
"""
