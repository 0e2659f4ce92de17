# One door for every chore. Nothing here is needed to serve or to test: that is `python3 go.py serve` and `… test`.

BIN := .venv/bin
STAMP := .venv/torouter-setup.json

.DEFAULT_GOAL := help
.PHONY: help setup serve test lint format types unit browser screenshots pictures live storm agents inference matrix fates verdicts bench wheel lock pre-commit clean

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

setup: ## make .venv with everything for development
	python3 go.py setup

serve: ## start the gateway
	python3 go.py serve

test: ## everything that CI runs
	python3 go.py test

$(STAMP): uv.lock pyproject.toml
	python3 go.py setup

lint: $(STAMP) ## style and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

format: $(STAMP) ## mend style where a machine can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) ## mypy and pyright
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright

unit: $(STAMP) ## the fast tests: no server, no network, no house
	$(BIN)/pytest -q --ignore=tests/live --ignore=tests/browser --ignore=tests/agents --ignore=tests/house

browser: $(STAMP) ## the portal in a real browser
	$(BIN)/pytest -q tests/browser

screenshots: $(STAMP) ## pictures of every page of the portal, in build/screenshots
	$(BIN)/python -m tests.browser.screenshots

pictures: $(STAMP) ## the two pictures of the README, in docs/pictures
	$(BIN)/python -m tests.browser.screenshots --readme

live: $(STAMP) ## a running gateway, scripted upstreams, the official SDKs
	$(BIN)/pytest -q tests/live

storm: $(STAMP) ## ten thousand requests to three upstreams that fail three times in ten
	STORM_REQUESTS=10000 $(BIN)/pytest -q tests/live/test_storm.py

agents: $(STAMP) ## Claude Code, Codex CLI, Gemini CLI and opencode with tools over every upstream dialect
	$(BIN)/pytest -q -m "" tests/agents

inference: $(STAMP) ## the official SDKs over a real inference server (llama.cpp's, which it installs)
	$(BIN)/pytest -q -m "" tests/inference

matrix: $(STAMP) ## write docs/matrix.md from the tests that it speaks of
	$(BIN)/python -m tests.contract.matrix.table

fates: $(STAMP) ## the tables of docs/translation.md, from the codecs
	$(BIN)/python -m tests.contract.fates

verdicts: $(STAMP) ## the table of docs/failover.md, from the relay
	$(BIN)/python -m tests.relay.verdict_table

bench: $(STAMP) ## the benchmark of bench/README.md
	$(BIN)/python -m bench

wheel: $(STAMP) ## build the wheel and the source archive into dist/
	$(BIN)/uv build

$(BIN)/uv:
	python3 go.py setup

lock: $(BIN)/uv ## bring uv.lock up to date, from PyPI and nothing else
	env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(BIN)/uv lock --default-index https://pypi.org/simple

pre-commit: $(STAMP) ## every pre-commit hook on every file
	$(BIN)/pre-commit run --all-files

clean: ## remove what was built (not .venv, not data)
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
