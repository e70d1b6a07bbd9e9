# Everything a fresh machine needs: Python >= 3.11, make and the package registries.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: dashboard dashboard-if-possible chromium-if-possible check-dashboard run test check lint types unit test-slow simulate demo fuzz bench bench-features bench-off lock build clean

run: $(VENV)/run.stamp dashboard-if-possible ## install, start the gateway on the embedded default, print its address
	$(BIN)/tollway serve $(ARGS)

demo: $(VENV)/run.stamp dashboard-if-possible ## a gateway with a fake provider and live traffic: no key, no network
	$(BIN)/tollway demo $(ARGS)

test: lint types check-dashboard unit ## what has to pass before anything lands

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/pyright

unit: $(VENV)/dev.stamp dashboard-if-possible chromium-if-possible
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow" $(ARGS)

test-slow: $(VENV)/dev.stamp ## the long sweeps too
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

simulate: $(VENV)/dev.stamp ## twenty thousand simulated worlds; a failing seed replays exactly
	$(BIN)/python tests/simulation/replay.py 0 20000 $(ARGS)

fuzz: $(VENV)/dev.stamp ## a million spoilt answers, streams and requests, and time against length
	$(BIN)/python scripts/fuzz.py --cases 1000000 $(ARGS)

bench: $(VENV)/run.stamp ## against nginx and other gateways, in one run (docs/reference/benchmark.md)
	$(BIN)/python bench/run.py $(ARGS)

bench-features: $(VENV)/run.stamp ## what rate limits, cache, routes, retries and translation cost a request where they are on
	$(BIN)/python bench/run.py --only c1,c64 --peers nginx,tollway-unified,tollway-rates,tollway-cache,tollway-retries,tollway-route,tollway-translation $(ARGS)

bench-off: $(VENV)/run.stamp ## what each of them costs a request that it has nothing to do with, in one process
	$(BIN)/python bench/off.py $(ARGS)

build: $(VENV)/dev.stamp ## wheel and sdist into dist/, with the dashboard inside
	TOLLWAY_DASHBOARD=required $(BIN)/python -m build

dashboard: $(VENV)/run.stamp ## what the gateway serves at /dashboard; does nothing where its sources are unchanged
	$(BIN)/python scripts/build_dashboard.py

# Where npm cannot be reached, everything but /dashboard works all the same; tests/browser then say why they are skipped.
dashboard-if-possible: $(VENV)/run.stamp
	@$(BIN)/python scripts/build_dashboard.py --if-possible

chromium-if-possible: $(VENV)/dev.stamp
	@$(BIN)/python scripts/install_chromium.py

check-dashboard: $(VENV)/dev.stamp ## its types against the API, and its own tests
	$(BIN)/python scripts/build_dashboard.py --check --if-possible

lock: ## pin every dependency with its hashes; needs uv
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate -o requirements.lock pyproject.toml
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --group dev -o requirements-dev.lock pyproject.toml

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Tollway needs Python 3.11 or newer, and this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	TOLLWAY_DASHBOARD=skip $(BIN)/python -m pip install -q --no-deps -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) dist build .ruff_cache .hypothesis dashboard/node_modules src/tollway/dashboard
