SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo up test check format lock clean

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
	@touch $@
