# The few commands a developer needs. `make` by itself lists them.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test test-granian test-postgresql lint bench bench-short soak fuzz fuzz-short clean same-python
.DELETE_ON_ERROR:

help:
	@echo "make run     install, prepare the demo data and serve the shop on http://localhost:6543/"
	@echo "make test    run all tests; TESTS=tests/unit those in there alone"
	@echo "make test-granian   run those of sessions and cart, each request through granian"
	@echo "make test-postgresql   run those of catalogue, accounts, orders and mail, with the shop on PostgreSQL"
	@echo "make lint    check style, formatting and types"
	@echo "make bench   measure speed next to the plain library, Express and Django, for 25 minutes; bench-short: for 2"
	@echo "make soak    people in the shop while parts of it are killed; MINUTES=5 CLIENTS=100 SEED=1"
	@echo "make fuzz    try rubbish on the shop, led by what it reaches, for an hour or SECONDS; fuzz-short: for 40 seconds"
	@echo "make clean   remove everything that was built or cached; var/, your data, stays"

run: $(VENV)/installed
	@$(BIN)/shopapp -c development.ini db upgrade
	@$(BIN)/shopapp -c development.ini db demo
	@echo
	@echo "    The shop:  http://localhost:6543/"
	@echo "    Mail:      http://localhost:6543/mail"
	@echo "    Stop it with Ctrl-C; carts, sessions and products stay in var/."
	@echo
	@exec $(BIN)/pserve development.ini

test: $(VENV)/installed-test
	$(BIN)/pytest $(TESTS)

# Those in which requests, cookies and addresses matter. --server granian works with any test that uses WebTest.
ON_GRANIAN := sessions $(addprefix test_,$(addsuffix .py,cart cart_and_retry cart_concurrency login logout \
	keep_signed_in account_sessions signing_in_again lookers cross_site bad_input headers))

test-granian: $(VENV)/installed-test
	$(BIN)/pytest --server granian $(addprefix tests/functional/,$(ON_GRANIAN))

# Those that write to the database, or ask it what depends on which one it is. --database postgresql works with any test
# that takes shop_settings.
ON_POSTGRESQL := $(addprefix test_,$(addsuffix .py,bad_input catalog change_of_email checkout \
	checkout_at_the_same_time cost_of_pages disabled_account forgotten_password mail orders password register))

test-postgresql: $(VENV)/installed-test
	$(BIN)/pytest --database postgresql $(addprefix tests/functional/,$(ON_POSTGRESQL))

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks

bench-short: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks --rounds 1 --seconds 1 --name short

MINUTES ?= 5
CLIENTS ?= 100
SEED ?= 1

soak: $(VENV)/installed-bench
	$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) --clients $(CLIENTS) --seed $(SEED)

# Atheris has wheels for Linux on x86-64 with Python 3.11 to 3.14; elsewhere hypothesis tries the same in the tests.
SECONDS ?= 3600

fuzz: $(VENV)/installed-fuzz
	@PYTHONPATH=tests $(BIN)/python -W ignore -m fuzz --seconds $(SECONDS)

fuzz-short: $(VENV)/installed-fuzz
	@PYTHONPATH=tests $(BIN)/python -W ignore -m fuzz --seconds 40 --seed 1

clean:
	rm -rf .cache .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks/express/node_modules src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "shopapp needs Python 3.11 or newer, and $(PYTHON) is not; name one with: make run PYTHON=python3.12" >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)

# The folder keeps the Python that it was made with: whoever asks for another must not get that one without a word.
same-python: | $(BIN)/python
ifneq ($(origin PYTHON),file)
	@[ "$$($(BIN)/python -V)" = "$$($(PYTHON) -V)" ] || { \
		echo "$(VENV) was made with $$($(BIN)/python -V) and not with $(PYTHON);" \
			"make clean first, or keep both with: VENV=.venv-other" >&2; \
		exit 1; }
endif

# One stamp for each set of packages: it is older than setup.py as soon as that asks for something else.
$(VENV)/installed: setup.py pyproject.toml | same-python
	$(PIP) install --editable '.[shop]'
	@touch $@

$(VENV)/installed-test $(VENV)/installed-dev $(VENV)/installed-bench $(VENV)/installed-fuzz: $(VENV)/installed-%: setup.py pyproject.toml | same-python
	$(PIP) install --editable '.[$*]'
	@touch $@
