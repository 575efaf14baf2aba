# wattrace: everything that a person or a machine does with a checkout. Needs Python 3.11 to 3.13 with venv, and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NODE_MAJOR := 20
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-together test-timed test-vllm test-alone test-again check bench screenshots engine-cpu wheel browser image-check format clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

# pip from a new venv may predate dependency groups, so it is renewed first.
$(VENV)/runtime: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	  "wattrace needs Python 3.11 to 3.13, this is %d.%d: name another with make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade --constraint constraints.txt pip
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/developer: $(VENV)/runtime
	$(PIP) install --quiet --constraint constraints.txt --group dev
	@touch $@

setup: $(VENV)/developer ## the environment alone, in .venv

demo: $(VENV)/runtime ## serve the dashboard, open it, and race
	$(BIN)/wattrace demo --autostart $(ARGS)

engine-cpu: $(VENV)/runtime ## a real vLLM for the CPU with a small model, outside the checkout
	$(BIN)/python -P -m engine.cpu_build

test: test-together test-timed test-vllm test-alone ## every test; those that lack a browser or vLLM skip and say so

# Most tests wait for processes and clocks, so two at a time take little more than half the time. No test chosen is no fault.
test-together: $(VENV)/developer browser
	$(BIN)/python -m pytest -m "not image and not alone and not real_vllm" --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS) \
	  || [ $$? = 5 ]

# A real vLLM for the CPU computes on one core, and so do both of a race, by turns. A verdict wants the machine alone.
test-vllm: $(VENV)/developer
	$(BIN)/python -m pytest -m "real_vllm and not alone" --numprocesses $(WORKERS) --maxschedchunk 1 $(ARGS) || [ $$? = 5 ]

# They look at clocks, and wait more than they compute: beside each other they have the time that they want.
test-timed: $(VENV)/developer browser
	$(BIN)/python -m pytest -m "alone and not real_vllm" --numprocesses $(WORKERS) --dist loadfile $(ARGS) || [ $$? = 5 ]

test-alone: $(VENV)/developer
	$(BIN)/python -m pytest -m "alone and real_vllm" $(ARGS) || [ $$? = 5 ]

test-again: $(VENV)/developer
	$(BIN)/python -m pytest -m "not image" --last-failed --last-failed-no-failures none

# A browser comes from the system; where we may install one we do, else its tests skip. Rather the one without a window:
# with each page a whole Chromium also makes a window, and loads that window's own pages while ours loads.
browser:
	@command -v chromium-headless-shell >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && { \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium-headless-shell >/dev/null || \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } \
	} || command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  echo "no Chromium here and none could be installed: browser tests will skip"

# What a container engine would do, without one: in a clean root, which debootstrap makes and only root may.
image-check: $(VENV)/developer ## the Dockerfile's steps and the image's race, with no container engine
	@command -v debootstrap >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap iproute2 >/dev/null; \
	} || echo "no debootstrap here and none could be installed: the image's tests will skip"
	$(BIN)/python -m pytest -m image $(ARGS)

# The bench is not run at every change: what it uses of ours must be there all the same. Its scripts find each other by path.
LOOSELY := --explicit-package-bases --ignore-missing-imports --no-warn-return-any
check: $(VENV)/developer node_modules/.bin/tsc ## style, types, layers, JavaScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy $(LOOSELY) bench
	$(BIN)/lint-imports
	node --test tests/js/*.test.js
	node_modules/.bin/tsc -p .

node_modules/.bin/tsc: package.json
	@command -v npm >/dev/null || { echo "make check needs Node.js $(NODE_MAJOR) or later with npm"; exit 1; }
	npm install --no-package-lock --no-audit --no-fund --silent
	@touch $@

format: $(VENV)/developer ## put the code into its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/developer ## print the project's own figures
	$(BIN)/python bench/run.py $(ARGS)

screenshots: $(VENV)/developer browser ## make the README's pictures anew, of a race on the simulated GPU
	$(BIN)/python bench/screenshots.py

wheel: $(VENV)/developer ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

clean: ## remove what make made here
	rm -rf $(VENV) node_modules dist build artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis
