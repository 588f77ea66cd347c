# The one entrance. "make" alone lists what there is.
#
# PYTHON=python3.12 picks the interpreter for the virtual environment.
# DEMO_SECONDS=30 ends the demo by itself.
# PYTEST_ARGS='-k outbox' narrows the tests.
# HA_PYTHON=/opt/python3.13/bin/python3 names the Python that Home Assistant is to run on.
# FAULTS=200 SEED=7 says how many faults a chaos run has, and which.

SHELL := /bin/bash
BIN   := .venv/bin
SOURCES := shared/src collector/src recorder/src tools/src tests

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-ha test-compose chaos check format bench schema lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.ready ## make .venv and find (or, as root, install) the MQTT broker
	@tools/setup.sh broker
	@echo "Ready. Try: make demo"

demo: .venv/.ready ## run the whole chain with two simulated batteries; Ctrl-C ends it
	@tools/setup.sh broker
	@$(BIN)/bluenova-demo

test: .venv/.ready ## run all tests, against a real broker and a real PostgreSQL
	@tools/setup.sh broker
	@$(BIN)/pytest --numprocesses 2 --dist loadfile $(PYTEST_ARGS)

test-ha: .venv/.ready ## run a real Home Assistant (Python 3.13) and look at what it shows (minutes)
	@tools/setup.sh broker
	@tests/homeassistant/setup.sh
	@$(BIN)/pytest --timeout 600 tests/homeassistant/live $(PYTEST_ARGS)

test-compose: .venv/.ready ## run the whole system in Docker and test it from outside (minutes)
	@$(BIN)/pytest --timeout 400 tests/compose $(PYTEST_ARGS)

chaos: .venv/.ready ## kill, freeze and cut everything, and see that nothing is lost (minutes)
	@tools/setup.sh broker
	@$(BIN)/python -m bluenova_tools.chaos

check: .venv/.ready ## look for mistakes without running anything: ruff and mypy
	@$(BIN)/ruff format --quiet --check $(SOURCES) || { $(BIN)/ruff format --check $(SOURCES); \
		echo "Run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy

format: .venv/.ready ## write the code as ruff likes it
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

schema: .venv/.ready ## write what the documents take from the code: schemas, settings
	@$(BIN)/python -m bluenova_tools.dev.documents

bench: .venv/.ready ## compare the way rows are stored with plainer ones
	@$(BIN)/python -m bluenova_tools.dev.bench

lock: .venv-lock/bin/uv ## write the lock files anew, with the newest versions
	@tools/lock.sh

clean: ## remove all that these targets made
	@rm -rf .venv .venv-lock .venv-ha .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# What the environment is made from: a change in any of these makes it anew at the next call.
.venv/.ready: tests/requirements.txt $(wildcard */pyproject.toml) tools/setup.sh
	@tools/setup.sh packages

.venv-lock/bin/uv: tools/setup.sh
	@tools/setup.sh uv
