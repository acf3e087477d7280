# The one door to everything: `make help`. Needs Python 3.11 or newer, and nothing else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	command -v $$python >/dev/null 2>&1 && $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	&& echo $$python && break; done)
BIN := .venv/bin
# What has no work left takes over from others: some tests last a minute, most a tenth of a second.
PARALLEL := $(BIN)/python -m pytest -q -n logical --maxprocesses 8 --dist worksteal
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
# Settings as in production, for the checks that look at them. Nothing is contacted.
PRODUCTION := env -u DATA_DIR SEEDANCE_URL=https://video.example.com ALLOWED_HOSTS=video.example.com \
	DATABASE_URL=postgres://seedance@127.0.0.1:1/seedance EACHLABS_API_KEY=not-a-key \
	STRIPE_SECRET_KEY=not-a-key STRIPE_WEBHOOK_SECRETS=not-a-secret EMAIL_URL=smtps://mail.example.com \
	TRUSTED_PROXIES=1 \
	SECRET_KEY=$$(head -c 64 /dev/urandom | base64 | tr -d '\n')

# Every process of the tests would compile all modules and tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-slow screens bench check lock format clean dev

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/runtime.stamp  ## Serve everything on this machine (PORT, HOST, DATABASE_URL, EACHLABS_API_KEY, ...)
	@exec $(BIN)/python manage.py run

test: dev  ## Run the everyday tests: all but whole processes, a browser, and the longest histories
	@$(PARALLEL) -m "not slow and not thorough"

# A browser is driven from an event loop, beside which no other test may start one: these run by themselves.
test-slow: dev  ## Run all the others; those that start whole processes one by one, for they measure time
	@$(PARALLEL) -m "thorough and not slow" --ignore=tests/browser
	@$(PARALLEL) -m "not slow" tests/browser
	@$(BIN)/python -m pytest -q -m slow

screens: dev  ## Look at every page at two widths, light and dark (.data/screens; ONLY=/billing: what begins so)
	@$(PARALLEL) tests/browser/test_every_page.py

bench: dev  ## Measure what was promised, against the same work without us (.data/bench.json)
	@$(BIN)/python -m tests.benchmarks

check: dev  ## Lint, types, migrations, deployment settings, lock files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(PRODUCTION) $(BIN)/mypy .
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python .ci/locks.py check
	$(BIN)/python -m pip check

format: dev  ## Format the code and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Hashes of the public registry only: a wheel that was built on this machine has another one.
COMPILE = PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= PIP_EXTRA_INDEX_URL= $(BIN)/pip-compile --quiet \
	--generate-hashes --allow-unsafe --strip-extras --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options $(UPGRADE)

lock: .venv/made  ## Bring the lock files in line with pyproject.toml (UPGRADE=--upgrade: newest versions)
	@test -x $(BIN)/pip-compile || $(BIN)/python -m pip install --quiet pip-tools
	for list in requirements requirements-dev; do cp $$list.lock $$list.lock.new; done
	$(COMPILE) -o requirements.lock.new pyproject.toml
	$(COMPILE) -o requirements-dev.lock.new --extra dev -c requirements.lock.new pyproject.toml
	mv requirements.lock.new requirements.lock
	mv requirements-dev.lock.new requirements-dev.lock
	$(BIN)/python .ci/locks.py stamp

clean:  ## Remove the virtual environment and the tests' database; .data stays, it is yours
	rm -rf .venv .data/test .mypy_cache .ruff_cache .pytest_cache .hypothesis

# -- The virtual environment: made once, updated when a lock file changed ---------------------------
dev: .venv/dev.stamp

.venv/made:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: Python 3.11 or newer is needed. Debian, Ubuntu: apt-get install python3 python3-venv. macOS: brew install python"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "error: Python's venv module is missing. Debian, Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv --clear .venv && touch $@

.venv/runtime.stamp: requirements.lock | .venv/made
	@echo "Installing what $< lists ..."
	@$(PIP) -r requirements.lock && touch $@

.venv/dev.stamp: requirements-dev.lock | .venv/made
	@echo "Installing what $< lists ..."
	@$(PIP) -r requirements-dev.lock && touch $@ .venv/runtime.stamp
