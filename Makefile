SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A place of their own: what semgrep pins (OpenTelemetry, click) would hold our own libraries back.
RULES := $(VENV)/rules
PRODUCT := domain workflows activities storage starter catalogues observability $(wildcard *.py)
# Compiled once: where Python may not write bytecode, each start and each run of the sandbox would compile them anew.
MODULES := domain workflows activities storage starter catalogues benchmarks worker.py settings.py refusals.py observability

LONG_BENCHMARKS := startup deadlines open_whistles reads notices sweep fairness

.PHONY: help setup demo up bench bench-all test chaos check rules format docs screenshots histories lock clean

help:
	@sed -n 's/^## //p' Makefile

## make setup   virtual environment with the pinned dependencies
setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@echo "==> virtual environment in $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "==> pinned dependencies (about 45 wheels, 150 MB the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes --only-binary :all: -r requirements.lock \
	  | sed -un 's/^Collecting \([^ ]*\).*/    \1/p; /^Installing/s/:.*/ …/p; /^Successfully/s/^\(Successfully installed\).*/\1/p'
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q $(MODULES)
	@touch $@

## make demo    one emergency whistle through all seven steps; KEEP=1 stays up
demo: $(READY)
	@$(BIN)/python -m starter.demo $(if $(KEEP),--keep)

## make up      PostgreSQL, Temporal with its UI, worker and gateway, in the foreground
up: $(READY)
	@exec $(BIN)/whistle up

## make bench   200 whistles through all steps beside a floor; ends in key=value figures
bench: $(READY)
	@$(BIN)/python -m benchmarks.bench

## make bench-all  the long ones too: open whistles, deadlines, reads, start-up, notices, sweep, fairness
bench-all: bench
	@for long in $(LONG_BENCHMARKS); do echo "==> $$long"; $(BIN)/python -m benchmarks.$$long; done

## make test    the whole suite, on a real PostgreSQL and a real Temporal server
test: $(READY)
	@$(BIN)/python -m pytest $(TESTS)

## make chaos   200 whistles through the gateway in a storm of kills and faults; SEED=… repeats one, SEEDS=10 runs ten
chaos: $(READY)
	@$(BIN)/python -m tests.chaos.storm $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS))

## make check   what CI runs: format, lint, types, import rules, dependencies, safety rules, tests
check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(MAKE) rules
	$(MAKE) test

## make rules   bandit, and our own semgrep rules (rules/) with their tests; asks no other host
rules: $(RULES)/.ready
	@$(RULES)/bin/bandit --quiet --configfile pyproject.toml --recursive $(PRODUCT)
	@$(SEMGREP) --test --strict rules >/dev/null 2>&1 || { $(SEMGREP) --test rules; exit 1; }
	@$(SEMGREP) --error --quiet --config rules $(PRODUCT)
	@echo "==> rules kept: $$(grep -c '^  - id:' rules/*.yml | paste -sd' ')"

SEMGREP = SEMGREP_SETTINGS_FILE=$(RULES)/settings.yml SEMGREP_LOG_FILE=$(RULES)/semgrep.log \
  $(RULES)/bin/semgrep scan --metrics off --disable-version-check

$(RULES)/.ready: rules/requirements.lock
	@echo "==> bandit and semgrep in $(RULES) (about 100 MB the first time)"
	@$(PYTHON) -m venv $(RULES)
	@$(RULES)/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes --only-binary :all: -r $< 2>&1 \
	  | { grep -v ^WARNING || true; }
	@touch $@

## make format  formats and mends what a tool can
format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

## make docs    regenerates the pages that come from the code
docs: $(READY)
	@PYTHONPATH=. $(BIN)/python docs/generate_lifecycle.py
	@PYTHONPATH=. $(BIN)/python docs/generate_reference.py
	@PYTHONPATH=. $(BIN)/python docs/generate_saved_views.py
	@PYTHONPATH=. $(BIN)/python docs/generate_metrics.py

## make screenshots  makes the pictures of the Temporal UI in docs/ anew (needs Chromium)
screenshots: $(READY)
	@PYTHONPATH=. $(BIN)/python -m docs.screenshots

## make histories  records the corpus of this version that replay tests keep, after a deliberate change
histories: $(READY)
	@PYTHONPATH=. $(BIN)/python -m tests.replay.record
	@PYTHONPATH=. $(BIN)/python -m tests.replay.scheduled
	@PYTHONPATH=. $(BIN)/python -m tests.replay.standing

## make lock    recompiles requirements.lock from pyproject.toml (needs uv)
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --allow-unsafe --no-header --quiet --output-file requirements.lock
	uv pip compile rules/requirements.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --allow-unsafe --no-header --quiet --output-file rules/requirements.lock

## make clean   removes what set-up, tests and runs left
clean:
	rm -rf $(VENV) .whistle .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
