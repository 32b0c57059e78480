# Each target makes what it needs on a bare machine: a virtual environment and the install.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 4

.PHONY: demo test test-slow check format bench picture clean

demo: $(STAMP)  ## start the channel, use it, break it twice, explain it
	@$(BIN)/aib-emulator demo

test: $(STAMP)  ## every test but the slow ones
	$(BIN)/python -X dev -m pytest -q -n $(WORKERS) -m "not slow"

test-slow: $(STAMP)  ## the slow ones: hundreds of megabytes, thousands of connections, hundreds of rounds
	$(BIN)/python -m pytest -q -m slow -o faulthandler_timeout=2400

check: $(STAMP)  ## lint, strict types, import contract
	$(BIN)/ruff format --check emulator tests bench containers/stack
	$(BIN)/ruff check emulator tests bench containers/stack
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format emulator tests bench containers/stack
	$(BIN)/ruff check --fix emulator tests bench containers/stack

bench: $(STAMP)  ## the figures of the README
	$(BIN)/python -m bench

picture: $(STAMP)  ## the picture in the README
	$(BIN)/aib-emulator demo --svg docs/demo.svg

clean:
	rm -rf $(VENV)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; PYTHON=/path/to/python3 names one" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "the venv module is needed (on Debian: apt install python3-venv)" >&2; exit 2; }
	@echo "installing into $(VENV)" >&2
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
