# Three commands: `make identify`, `make reproduce` and `make test`. Each makes .venv and installs what it needs first.

PYTHON ?= python3
INSTALL := -m pip install --quiet --constraint constraints.txt
VENV := .venv
BIN := $(VENV)/bin
README_PYTHON = sed -n '/^```python$$/,/^```$$/p' README.md | sed '/^```/d'
# MESASCOPE_ARGS="--preset paper" make reproduce
MESASCOPE_ARGS ?=
# The page of what is stored, at the preset, with the seeds and in the directory that MESASCOPE_ARGS names. Exit code 2 has
# been told in a sentence, such as that the extra `report` is not installed. Standard output stays the studies' own.
REPORT = $(BIN)/mesascope report $$(printf '%s' '$(MESASCOPE_ARGS)' | grep -oE -e '--(preset|seeds|runs)[= ]+[^ ]+') >&2 || test $$? -eq 2

.PHONY: help identify reproduce test coverage docs lint installed lowest clean

help:
	@echo "make identify    train one attention layer, say which algorithm it runs, and draw how that is known"
	@echo "make reproduce   run every study at preset quick: verdicts, figures, one page (MESASCOPE_ARGS adds options)"
	@echo "make test        run the whole test suite"
	@echo "make coverage    the same, and which lines of src/ it runs: at least 95%"
	@echo "make docs        build the documentation, and say which page to open"
	@echo "make lint        style, types and import contracts"
	@echo "make installed   build wheel and sdist, install the wheel elsewhere, and run every study at preset smoke there"
	@echo "make lowest      install the lowest versions that pyproject.toml allows elsewhere, and try them there"
	@echo "make clean       remove .venv; results in runs/ are kept"

identify: $(VENV)/.installed-alone
	@$(BIN)/python examples/identify_checkpoint.py
	@$(REPORT)
	@echo
	@echo "A model of yours: a function, a module of PyTorch, an estimator or a file goes the same way."
	@echo "  in Python             ms.identify(model, task, key=jax.random.key(0)), as in examples/identify_*.py"
	@echo "  at the command line   $(BIN)/mesascope identify MODEL --task linear-regression"
	@echo "  what MODEL may be     $(BIN)/mesascope identify --help"

reproduce: $(VENV)/.installed
	@# Exit code 1 says that some claim was not reproduced: a result, not an error of make.
	@$(BIN)/mesascope reproduce $(MESASCOPE_ARGS) || test $$? -eq 1
	@$(REPORT)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# Counting lines doubles the suite's time.
coverage: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal --cov --cov-report=term

docs: $(VENV)/.installed-docs
	@$(BIN)/python docs/site/build.py
	@echo "Open docs/site/_build/html/index.html"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check src tests benchmarks examples docs/site
	$(BIN)/ruff format --check src tests benchmarks examples docs/site
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# In an empty environment outside of the checkout: what is in the wheel is all there is. The smoke presets run for
# an instant each, so that compiling is what takes time: they go without most of its optimisations.
installed: $(VENV)/.installed-dev
	@set -e; elsewhere=$$(mktemp -d); trap 'rm -rf "$$elsewhere"' EXIT; \
	$(BIN)/python -m build --quiet --outdir "$$elsewhere" .; \
	$(PYTHON) -m venv "$$elsewhere/env"; \
	"$$elsewhere/env/bin/python" $(INSTALL) "$$(ls "$$elsewhere"/*.whl)[text]"; \
	$(README_PYTHON) > "$$elsewhere/readme.py"; \
	cd "$$elsewhere"; \
	env/bin/python readme.py; \
	JAX_DISABLE_MOST_OPTIMIZATIONS=1 env/bin/mesascope reproduce --preset smoke --json --runs "$${MESASCOPE_SMOKE_RUNS:-runs}" > smoke.json; \
	env/bin/python -c 'import json; studies = json.load(open("smoke.json"))["studies"]; assert studies and all(s["claims"] and s["figures"] for s in studies), studies; print(len(studies), "studies ran from the wheel")'

# What pyproject.toml promises: each package at its lower bound. Results are written, and read by the export.
lowest: $(VENV)/.made
	@set -e; elsewhere=$$(mktemp -d); trap 'rm -rf "$$elsewhere"' EXIT; \
	$(BIN)/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; print(*project["dependencies"], *project["optional-dependencies"]["text"], sep="\n")' | sed 's/>=/==/' > "$$elsewhere/lowest.txt"; \
	$(PYTHON) -m venv "$$elsewhere/env"; \
	"$$elsewhere/env/bin/python" -m pip install --quiet --constraint "$$elsewhere/lowest.txt" '.[text]'; \
	$(README_PYTHON) > "$$elsewhere/readme.py"; \
	cd "$$elsewhere"; \
	env/bin/python readme.py; \
	env/bin/mesascope run oswald2023-fig2 --help | grep --quiet -e --seeds; \
	JAX_DISABLE_MOST_OPTIMIZATIONS=1 env/bin/mesascope run oswald2023-fig2 --preset smoke --runs runs --quiet; \
	env/bin/mesascope export oswald2023-fig2 --preset smoke --runs runs --to figures; \
	echo "works with the lowest versions:" $$(cat lowest.txt)

clean:
	rm -rf $(VENV)

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mesascope needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name a newer one: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# Without the larger extras.
$(VENV)/.installed-alone: $(VENV)/.made pyproject.toml constraints.txt
	$(BIN)/python $(INSTALL) --editable '.[report]'
	@touch $@

$(VENV)/.installed: $(VENV)/.installed-alone
	$(BIN)/python $(INSTALL) --editable '.[text,report]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python $(INSTALL) --editable '.[dev]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed-alone
	$(BIN)/python $(INSTALL) --editable '.[docs]'
	@touch $@
