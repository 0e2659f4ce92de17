"""The agent CLIs, unmodified, on a turn with a tool call, over the running gateway and a scripted upstream.

One errand for all (`errand`), one script of an upstream for each dialect (`messages_script`, `responses_script`,
`gemini_script`), one test file for each agent. `python -m pytest tests/agents` runs only these.
"""
