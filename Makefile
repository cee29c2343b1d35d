# Every command that people and CI use. Paths are relative, so a folder with a space works.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?=
ARGS ?=
MINUTES ?= 5
m ?=
functions ?=
again ?=
export PYTHON

BIN := .venv/bin
RUN := $(BIN)/agent-workers

.PHONY: help setup demo up worker test check format docs docs-serve reference schema messages fuzz bench soak prove \
	migrate revision lock clean environment runtime

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

# ------------------------------------------------------------------------------------ to try it

demo: runtime ## Run the demo on embedded servers, from an empty machine to an answer
	@$(RUN) demo $(ARGS)

up: runtime ## Run everything under one supervisor until Ctrl-C
	@$(RUN) up $(ARGS)

worker: runtime ## Run one worker (ARGS="--lanes plan,tool,evaluate")
	@$(RUN) worker $(ARGS)

migrate: runtime ## Bring the database's schema up to date
	@$(RUN) migrate $(ARGS)

# --------------------------------------------------------------------------------- to change it

setup: environment ## Make .venv from the lock, or do nothing when it matches

check: environment ## Format, lint, import contracts and types; changes nothing
	@$(BIN)/python tools/run_parts.py check

format: environment ## Format, and fix what ruff can fix
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

test: environment ## The whole suite, with the time of each part (ARGS="unit crash -- -k fence")
	@$(BIN)/python tools/run_parts.py test $(ARGS)

revision: environment ## A new migration: make revision m="Pay twice as fast" functions="pay_for"
	@test -n "$(m)" || { echo 'revision: say what it does: make revision m="Add …"' >&2; exit 2; }
	@$(BIN)/python -m tests.support.revision "$(m)" $(functions)

schema: environment ## Write docs/schema.sql, and freeze new migrations (again=0001: see CONTRIBUTING.md)
	@$(BIN)/python -m tests.support.schema $(again)

docs: environment ## Build the site of the documentation into build/site, strict about links
	@$(BIN)/python -m sphinx -c docs -j auto -W --keep-going -q . build/site
	@echo 'docs: open build/site/index.html'

docs-serve: docs ## Build the site, and serve it on http://127.0.0.1:8080
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory build/site 8080

reference: environment ## Write the pages of docs/ that are made from the code
	@$(BIN)/python -m tests.support.reference

messages: environment ## Write docs/messages.txt: every text that people may read
	@$(BIN)/python -m tests.support.messages

fuzz: environment ## Try parsers of what strangers send with many strange inputs (some minutes)
	@$(BIN)/python -m pytest -n 2 --hypothesis-profile=fuzz tests/unit/fuzz tests/unit/expressions/test_oracle.py $(ARGS)

lock: environment ## Resolve the lock files again (UPGRADE=1 moves every pin)
	@tools/lock

clean: ## Delete .venv and every cache (data folders stay)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

# ---------------------------------------------------------------------------------- to prove it

prove: environment ## Kill it at every crash point and count the effects (ARGS=--full, --long)
	@$(RUN) prove $(ARGS)

soak: environment ## Random kills, freezes and outages for MINUTES=5
	@$(RUN) prove --soak-minutes "$(MINUTES)" $(ARGS)

bench: environment ## Measure speed, recovery time and memory
	@$(RUN) bench $(ARGS)

# ------------------------------------------------------------------------------------- plumbing

# Both do nothing within a tenth of a second when the lock, pyproject.toml and the folder are the
# ones that .venv was made from.
environment:
	@tools/setup dev

runtime:
	@tools/setup embedded
