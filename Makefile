# Two commands do everything on a machine with Python (3.11 or later) and make:
#   make report    compare the shipped expressions, print the table, write report.json
#   make test      all linters and all tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help report test check format docs examples bench fuzz clean

# Of make fuzz.
MINUTES ?= 10
SEED ?= 0
WORKERS ?= 2

help: ## Show this list.
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

report: $(VENV)/installed ## Compare the shipped expressions: table on screen, report.json beside it.
	$(BIN)/symdiff run expressions --output report.json

test: check ## All checks and tests.
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(VENV)/installed-test ## Linters, types, import layers.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-test ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/installed-test ## Build the documentation as a site: open site/index.html.
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --clean

examples: $(VENV)/installed-test ## Write today's output into the examples of README.md and docs/.
	$(BIN)/python -m tests.docs_blocks --write

bench: $(VENV)/installed-test ## Measure speed against other ways; writes benchmarks/results.md.
	$(BIN)/python benchmarks/run.py $(ONLY)

fuzz: $(VENV)/installed-test ## Look for wrong results with random programs: MINUTES=10 SEED=0 WORKERS=2.
	$(BIN)/python -m fuzz --minutes $(MINUTES) --seed $(SEED) --workers $(WORKERS) --output fuzz.json

clean: ## Remove the environment and what was written.
	rm -rf $(VENV) build dist site report.json fuzz.json .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(PIP) install -c constraints.txt -e '.[test]'
	@touch $@
