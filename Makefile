# "make" alone lists the targets.
#
# PYTHON=python3.12 picks the interpreter for the virtual environment.
# DEMO_SECONDS=30 ends the demo by itself.
# PYTEST_ARGS='-k outbox' runs only some of the tests.
# HA_PYTHON=/opt/python3.13/bin/python3 names the Python for Home Assistant.
# BROKERS='mochi hivemq' makes only these for test-brokers.
# ONLY=parse,recorder ROUNDS=9 says which parts of the benchmark run, and how often; BENCH_ARGS=--json
# prints JSON, and BENCH_ARGS='--batteries 2 --days 20' makes the years of bench-years shorter.
# FAULTS=200 SEED=7 sets how many faults a chaos run has, and which.

SHELL := /bin/bash
BIN   := .venv/bin
SOURCES := shared/src collector/src recorder/src dashboard/src dashboard/hatch_build.py tools/src tests

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-ha test-compose test-web test-brokers pictures chaos check format bench bench-years bench-hours schema dashboards lock clean

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
	@$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-ha: .venv/.ready ## run a real Home Assistant (Python 3.13) and check what it shows (minutes)
	@tools/setup.sh broker
	@tests/homeassistant/setup.sh
	@$(BIN)/pytest --timeout 600 tests/homeassistant/live $(PYTEST_ARGS)

test-compose: .venv/.ready ## run the whole system in Docker and test it from outside (minutes)
	@$(BIN)/pytest --timeout 400 tests/compose $(PYTEST_ARGS)

test-web: .venv/.ready ## look at the page in a real browser, chromium (minutes)
	@tools/setup.sh browser
	@tools/setup.sh proxy
	@$(BIN)/pytest --timeout 200 tests/web $(PYTEST_ARGS)

test-brokers: .venv/.ready ## run the chain on other MQTT brokers, which it makes (a quarter of an hour at first)
	@tools/setup.sh broker
	@tests/brokers/setup.sh $(BROKERS)
	@$(BIN)/pytest --timeout 400 tests/brokers $(PYTEST_ARGS)

pictures: .venv/.ready ## make the pictures of docs/, by the demo and chromium
	@tools/setup.sh broker
	@tools/setup.sh browser
	@$(BIN)/python -m tests.web.pictures

chaos: .venv/.ready ## kill, freeze and cut everything, and check that nothing is lost (minutes)
	@tools/setup.sh broker
	@$(BIN)/python -m bluenova_tools.chaos

check: .venv/.ready ## check the code with ruff and mypy, without running it
	@$(BIN)/ruff format --quiet --check $(SOURCES) || { $(BIN)/ruff format --check $(SOURCES); \
		echo "Run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy

format: .venv/.ready ## format the code with ruff
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

schema: .venv/.ready ## write the parts of the documents that come from the code
	@$(BIN)/python -m bluenova_tools.dev.documents

dashboards: .venv/.ready ## write Grafana's dashboards, which come from the code
	@$(BIN)/python -m bluenova_tools.grafana

bench: .venv/.ready ## tell what our programs take, beside bare loops and limits (10 minutes)
	@tools/setup.sh broker
	@$(BIN)/python -m bluenova_tools.bench $(BENCH_ARGS)

bench-hours: .venv/.ready ## tell what it costs to keep the hours (minutes)
	@$(BIN)/pytest -q -s tests/delivery/hours_cost.py

bench-years: .venv/.ready ## ask a table of ten batteries and a year, made for it (half an hour, 12 GB)
	@$(BIN)/python -m bluenova_tools.years.bench $(BENCH_ARGS)

lock: .venv-lock/bin/uv ## renew the lock files, with the newest versions
	@tools/lock.sh

clean: ## remove everything that these targets made
	@rm -rf .venv .venv-lock .venv-ha .brokers .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made from these: after a change in any, the next call brings it up to date.
.venv/.ready: tests/requirements.txt $(wildcard */pyproject.toml) tools/setup.sh
	@tools/setup.sh packages

.venv-lock/bin/uv: tools/setup.sh
	@tools/setup.sh uv
