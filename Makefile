# Every target does its own set-up and is quick the second time. Nothing is written outside this
# folder but the cache: $CONNTRACE_CACHE, else $XDG_CACHE_HOME/conntrace, else ~/.cache/conntrace.

PYTHON ?= python3
# More words for pytest: make test ARGS="tests/unit -k fork"
ARGS ?=
WORKERS ?= 2
# What the layer brings besides JSON: make layer FLAVOUR=protobuf
FLAVOUR ?= json
# Only these of the matrix: make matrix SESSIONS=urllib3-1.26
SESSIONS ?=
# A day with an invocation every five seconds: make long-run INVOCATIONS=400
INVOCATIONS ?= 17280
# make load LOAD_REQUESTS=5000
LOAD_REQUESTS ?= 1000000
# How often each is started: make bench-lambda RUNS=1
RUNS ?=

# Makes the environment if needed, then puts its programs first on PATH for the rest of the recipe.
ENTER = venv=$$($(PYTHON) -m scripts.env) && PATH="$$venv/bin:$$PATH" VIRTUAL_ENV="$$venv" && export PATH VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help need-python env components test lint format types demo layer matrix pythons surroundings load long-run bench instructions bench-lambda bench-report docs site newcomer compat lock clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

need-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
	  { echo "conntrace: needs Python 3.10 or newer, and '$(PYTHON)' is not that: make PYTHON=/path/to/python3" >&2; exit 1; }

env: need-python ## Make the virtualenv in the cache and print where it is
	@$(PYTHON) -m scripts.env

components: need-python ## Install or build nginx, Chromium, DynamoDB Local and Jaeger for the tests
	@$(PYTHON) -m scripts.components

test: need-python components ## All tests, with coverage of child processes reported
	@$(ENTER) && python -m pytest -n $(WORKERS) --cov --cov-report=term $(ARGS)

lint: need-python ## ruff: rules and formatting
	@$(ENTER) && ruff check && ruff format --check

format: need-python ## ruff: repair what it can
	@$(ENTER) && ruff check --fix; $(ENTER) && ruff format

types: need-python ## mypy --strict on src
	@$(ENTER) && mypy

demo: layer ## Why does a warm Lambda function look names up again? The main job, in the terminal
	@$(ENTER) && python examples/demo.py

layer: need-python ## Build the AWS Lambda layer: dist/conntrace-layer.zip and dist/layer/opt
	@$(ENTER) && python -m lambda_extension.build --flavour $(FLAVOUR)

matrix: need-python components ## The integration tests on old and new urllib3, botocore, requests
	@$(PYTHON) -m scripts.matrix libraries $(SESSIONS) --pytest="-n $(WORKERS) $(ARGS)"

pythons: need-python components ## Unit and integration tests on every other Python found here
	@$(PYTHON) -m scripts.matrix pythons $(SESSIONS) --pytest="-n $(WORKERS) $(ARGS)"

surroundings: need-python ## Beside other tools: Sentry, Datadog, New Relic, gevent, moto ...
	@$(PYTHON) -m scripts.matrix surroundings --pytest="-n $(WORKERS) $(ARGS)"

lab-%: layer ## A published experiment: make lab-keepalive, lab-hosts, lab-gaps ... (docs/experiments.md)
	@$(ENTER) && python examples/experiments/experiment.py $* $(ARGS)

load: need-python components ## A million requests from 64 threads: memory, losses, deadlocks
	@$(ENTER) && LOAD_REQUESTS=$(LOAD_REQUESTS) python -m pytest tests/surroundings/test_load.py $(ARGS)

long-run: need-python components ## A day of invocations in the local Lambda: memory, losses, causes
	@$(ENTER) && LONG_RUN_INVOCATIONS=$(INVOCATIONS) python -m pytest tests/lambda_platform/test_long_run.py $(ARGS)

bench: layer ## What conntrace adds to start and requests, beside OpenTelemetry, Datadog and Sentry
	@venv=$$($(PYTHON) -m scripts.env --set bench) && "$$venv/bin/python" -m benchmarks.cost $(ARGS)

instructions: need-python ## Instructions that the agent adds: fails when they have grown
	@$(ENTER) && python -m benchmarks.instructions $(ARGS)

bench-lambda: layer ## What the layer adds to a function's start and invocations, beside OpenTelemetry
	@$(ENTER) && python -m benchmarks.extension_start $(RUNS) && python -m benchmarks.lambda_start $(RUNS)

bench-report: need-python ## Reports on 10 million spans in a thousand files, and on 1 GB in one: time and memory
	@$(ENTER) && python -m benchmarks.report $(ARGS)

docs: need-python ## Write the reference pages anew from the tables in the code
	@$(ENTER) && python -m scripts.generate_docs

site: need-python ## The documentation as a site, in build/site; a warning is an error
	@venv=$$($(PYTHON) -m scripts.env --set site) && NO_MKDOCS_2_WARNING=1 "$$venv/bin/mkdocs" build --strict && echo "conntrace: build/site/index.html"

newcomer: need-python ## The first steps of a newcomer, in a clean folder
	@$(PYTHON) -m scripts.newcomer

compat: need-python ## Other people's test suites, plain and under conntrace
	@$(ENTER) && python tests/compat/run.py $(ARGS)

lock: need-python ## Write requirements/*.txt anew from pyproject.toml and requirements/*.in
	@$(PYTHON) -m scripts.lock $(ARGS)

clean: need-python ## Remove what was built for this checkout
	@$(PYTHON) -m scripts.env --remove
	@rm -rf build dist htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*

distclean: clean ## Remove the whole cache too (Jaeger takes minutes to build again)
	@rm -rf "$$($(PYTHON) -c 'from scripts.cache import cache_root; print(cache_root())')"
