# One verb per command; each makes the virtual environment first.
PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
# A file of exact versions to keep to: CI gives .ci/constraints.txt.
LOCK ?=
LOCKED := $(if $(LOCK),$(foreach tool,PIP UV,$(foreach kind,CONSTRAINT BUILD_CONSTRAINT,$(tool)_$(kind)=$(abspath $(LOCK)))))
# What pip does for packages it copies: the first start need not compile.
COMPILE = $(BIN)/python -m compileall -q emulator runtimes/python

# The Python runtime is checked for the oldest Python that mypy knows; it runs on 3.8 and newer.
RUNTIME_TYPES := --config-file= --cache-dir=../../.mypy_cache --strict --python-version=3.10

# The tests that need neither an engine nor patience.
NO_ENGINE := not slow and not docker and not kubernetes and not soak

# What was compiled once is kept: else each process of the tests compiles all of them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: up test test-here test-kubernetes test-fast test-most soak smoke clients coverage check format bench docs lock clean

# Start the emulator with the sample functions.
up: .venv/up
	$(BIN)/localfaas up sample_functions

# All tests. Those that need Docker or a program that is missing skip (and fail in CI).
test: test-here test-kubernetes

test-here: .venv/dev
	$(BIN)/pytest -n auto --dist loadgroup -m "not soak and not kubernetes"

# In a cluster: LOCALFAAS_TEST_KUBECONFIG's, or one by `tests/kubernetes_cluster.sh up 2` (as root).
# By themselves, in one process: some take a node away.
test-kubernetes: .venv/dev
	$(BIN)/pytest -m "kubernetes and not soak"

# What they do for seconds, for minutes: a hundred kills, 100,000 calls, long random walks.
soak: .venv/dev
	LOCALFAAS_KILLS=100 $(BIN)/pytest -n auto --dist loadgroup -m soak

# Without those of the program as a whole and of real environments, and without the thorough ones:
# two to four minutes on two cores.
test-fast: .venv/dev
	$(BIN)/pytest -n auto --dist loadgroup -m "$(NO_ENGINE) and not thorough" tests/architecture \
	  tests/unit tests/api tests/conformance tests/reliability

# All that needs neither Docker, a cluster nor long: eight minutes on two cores.
test-most: .venv/dev
	$(BIN)/pytest -n auto --dist loadgroup -m "$(NO_ENGINE)"

# A few minutes' worth of them, for a machine that is new to us.
smoke: .venv/dev
	$(BIN)/pytest -n auto --dist loadgroup -m "$(NO_ENGINE)" \
	  tests/unit tests/api/test_functions.py tests/acceptance/test_samples.py

# The deploy clients that tests/clients runs, into a cache outside the project (a gigabyte).
clients: .venv/dev
	$(BIN)/python -m tests.clients.tools

# Which lines the quick tests reach; the page to read is htmlcov/index.html.
coverage: .venv/dev
	$(BIN)/pytest -n auto --dist loadgroup -m "$(NO_ENGINE)" \
	  --cov --cov-report=term:skip-covered --cov-report=html

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

# Speed, beside its floor, on a quiet machine (some minutes): writes docs/figures.md.
bench: .venv/dev
	rm -rf bench-results
	$(BIN)/python -m tests.benchmarks.bench_invoke
	$(BIN)/python -m tests.benchmarks.bench_snapstart
	$(BIN)/python -m tests.benchmarks.bench_java
	$(BIN)/python -m tests.benchmarks.bench_docker
	$(BIN)/python -m tests.benchmarks.bench_kubernetes
	$(BIN)/python -m tests.benchmarks.bench_mappings
	$(BIN)/python -m tests.benchmarks.bench_events
	$(BIN)/python -m tests.benchmarks.bench_fanout
	$(BIN)/python -m tests.benchmarks.bench_api
	$(BIN)/python -m tests.benchmarks.bench_codec
	$(BIN)/python -m tests.benchmarks.bench_http
	$(BIN)/python -m tests.benchmarks.bench_gateways --sam-stand-in
	$(BIN)/python -m tests.benchmarks.bench_s3
	$(BIN)/python -m tests.benchmarks.bench_kinesis
	$(BIN)/python -m tests.benchmarks.bench_metrics
	$(BIN)/python -m tests.benchmarks.bench_tables
	$(BIN)/python -m tests.benchmarks.bench_schedules
	$(BIN)/python -m tests.benchmarks.bench_workflows
	$(BIN)/python -m tests.benchmarks.bench_stacks
	$(BIN)/python -m tests.benchmarks.bench_timeline
	$(BIN)/python -m tests.benchmarks.bench_traces
	$(BIN)/python -m tests.benchmarks.bench_dashboard
	$(BIN)/python -m tests.benchmarks.bench_pytest
	$(BIN)/python -m tests.benchmarks.figures

# The pages of the documentation that code decides.
docs: .venv/up
	$(BIN)/python -m tests.documents

# Renew the versions that CI installs.
lock:
	echo hatchling | uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate \
	  --custom-compile-command "make lock" --extra dev pyproject.toml - -o .ci/constraints.txt

clean:
	rm -rf htmlcov .coverage* .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis bench-results dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "localfaas needs Python 3.11 or newer: make PYTHON=python3.x")'
	@echo "Making .venv ..."
	@$(PYTHON) -m venv .venv || (echo "No venv module: install python3-venv (Debian, Ubuntu)." >&2; rm -rf .venv; exit 1)

# uv installs in a few seconds; where it is not there, or does not get at the packages, pip does.
define install
@echo "Installing $(1) and what it needs$(if $(UV),, (a minute or two; with uv, seconds)) ..."
@$(LOCKED) $(if $(UV),uv pip install --quiet --python $(BIN)/python -e '$(1)' 2>/dev/null ||) \
  $(LOCKED) $(BIN)/pip install --quiet --disable-pip-version-check -e '$(1)'
@$(COMPILE)
endef

.venv/up: .venv/bin/python pyproject.toml
	$(call install,.)
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml
	$(call install,.[dev])
	@touch $@ .venv/up
