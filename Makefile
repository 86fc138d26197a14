# One verb per command; each makes the virtual environment first.
PYTHON ?= python3
BIN := .venv/bin
# What pip does for packages it copies: the first start need not compile.
COMPILE = $(BIN)/python -m compileall -q emulator runtimes/python

# The Python runtime is checked for the oldest Python that mypy knows; it runs on 3.8 and newer.
RUNTIME_TYPES := --config-file= --cache-dir=../../.mypy_cache --strict --python-version=3.10

.PHONY: up test test-fast check format bench clean

# Start the emulator with the sample functions.
up: .venv/up
	$(BIN)/localfaas up sample_functions

# All tests. Those that need Docker or a program that is missing skip (and fail in CI).
test: .venv/dev
	$(BIN)/pytest -n auto --dist loadgroup

# Without what needs Docker or takes long: a minute or two.
test-fast: .venv/dev
	$(BIN)/pytest -n auto --dist loadgroup -m "not slow and not docker"

# Format, lint, types, layers.
check: .venv/dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	cd runtimes/python && ../../$(BIN)/mypy $(RUNTIME_TYPES) .
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Speed, beside its floor: prints a table, writes bench-results/*.json (some minutes).
bench: .venv/dev
	$(BIN)/python -m tests.benchmarks.bench_invoke
	$(BIN)/python -m tests.benchmarks.bench_docker
	$(BIN)/python -m tests.benchmarks.bench_events
	$(BIN)/python -m tests.benchmarks.bench_mappings
	$(BIN)/python -m tests.benchmarks.bench_api
	$(BIN)/python -m tests.benchmarks.bench_codec

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis bench-results dist

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "localfaas needs Python 3.11 or newer: make PYTHON=python3.x")'
	$(PYTHON) -m venv .venv || (echo "No venv module: install python3-venv (Debian, Ubuntu)." >&2; rm -rf .venv; exit 1)

.venv/up: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@$(COMPILE)
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@$(COMPILE)
	@touch $@ .venv/up
