# Everything a fresh machine needs: Python >= 3.11, make and the package registries.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: run test check lint types unit test-slow simulate demo fuzz bench lock build clean

run: $(VENV)/run.stamp ## install, start the gateway on the embedded default, print its address
	$(BIN)/tollway serve $(ARGS)

demo: $(VENV)/run.stamp ## a gateway with a fake provider and live traffic: no key, no network
	$(BIN)/tollway demo $(ARGS)

test: lint types unit ## what has to pass before anything lands

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/pyright

unit: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" $(ARGS)

test-slow: $(VENV)/dev.stamp ## the long sweeps too
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

simulate: $(VENV)/dev.stamp ## twenty thousand simulated worlds; a failing seed replays exactly
	$(BIN)/python tests/simulation/replay.py 0 20000 $(ARGS)

fuzz: $(VENV)/dev.stamp ## a million spoilt answers, streams and requests, and time against length
	$(BIN)/python scripts/fuzz.py --cases 1000000 $(ARGS)

bench: $(VENV)/run.stamp ## against nginx and other gateways, in one run (docs/reference/benchmark.md)
	$(BIN)/python bench/run.py $(ARGS)

build: $(VENV)/dev.stamp ## wheel and sdist into dist/
	$(BIN)/python -m build

lock: ## pin every dependency with its hashes; needs uv
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate -o requirements.lock pyproject.toml
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --group dev -o requirements-dev.lock pyproject.toml

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Tollway needs Python 3.11 or newer, and this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) dist build .ruff_cache .hypothesis
