# The one entrance. "make" alone lists what there is.
#
# PYTHON=python3.12 picks the interpreter for the virtual environment.
# DEMO_SECONDS=30 ends the demo by itself.
# PYTEST_ARGS='-k outbox' narrows the tests.

SHELL := /bin/bash
BIN   := .venv/bin
SOURCES := shared/src collector/src recorder/src tools/src tests

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.ready ## make .venv and find (or, as root, install) the MQTT broker
	@tools/setup.sh broker
	@echo "Ready. Try: make demo"

demo: .venv/.ready ## run the whole chain with two simulated batteries; Ctrl-C ends it
	@tools/setup.sh broker
	@$(BIN)/bluenova-demo

test: .venv/.ready ## run all tests, against a real broker and a real PostgreSQL
	@tools/setup.sh broker
	@$(BIN)/pytest $(PYTEST_ARGS)

check: .venv/.ready ## look for mistakes without running anything: ruff and mypy
	@$(BIN)/ruff format --quiet --check $(SOURCES) || { $(BIN)/ruff format --check $(SOURCES); \
		echo "Run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy

format: .venv/.ready ## write the code as ruff likes it
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

lock: .venv-lock/bin/uv ## write the lock files anew, with the newest versions
	@tools/lock.sh

clean: ## remove all that these targets made
	@rm -rf .venv .venv-lock .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# What the environment is made from: a change in any of these makes it anew at the next call.
.venv/.ready: tests/requirements.txt $(wildcard */pyproject.toml) tools/setup.sh
	@tools/setup.sh packages

.venv-lock/bin/uv: tools/setup.sh
	@tools/setup.sh uv
