"""The project's benchmark: `python -m bench`. README.md beside this file says what it measures and how to read it."""
