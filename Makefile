# make lab    opens the laboratory
# make test   runs all checks, tests and notebooks
# Both set up .venv first, once; "make help" lists the rest.

PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
NOTEBOOK ?= notebooks/18-playground.ipynb
# Tests run in so many processes, one more than the processors here, for a test waits now and then;
# what measures or wants the machine for itself runs afterwards
JOBS ?= $(shell processors=$$(nproc 2>/dev/null || echo 2); echo $$((processors < 8 ? processors + 1 : 8)))
# pytest, with two tries more for what failed on a machine that others share
SUITE := $(BIN)/python -m tests.second_try
LAB_OVERRIDES := $(VENV)/share/jupyter/lab/settings/overrides.d/prefault-kit.json
# JupyterLab refuses root unless told; nobody else is
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

# The tests start hundreds of processes, each of which would compile the kit anew
unexport PYTHONDONTWRITEBYTECODE
# and NumPy would start a thread for each processor in it, which spins for 0.15 s
export OPENBLAS_NUM_THREADS := 1

.PHONY: lab test test-browser test-lowest wheel check bench refresh site clean help setup

help:
	@echo "make lab        set up, open JupyterLab on the playground (NOTEBOOK=... for another)"
	@echo "make test       set up, run all checks, tests and notebooks"
	@echo "make test-browser  drive the screens and the pages in a real Chromium"
	@echo "make bench      measure every budget as a ratio, interleaved (some minutes)"
	@echo "make check      format, lint, types, import directions, spelling"
	@echo "make refresh    execute all notebooks anew and store their outputs"
	@echo "make site       build site/: notebooks, promises, kernels and commands as pages that open offline"
	@echo "make wheel      build dist/: a wheel for CPython 3.11 and later"
	@echo "make test-lowest  run the tests on the lowest versions that are promised"
	@echo "make clean      remove what set-up and tests made"

setup: $(STAMP)

# Where only the C changed, it is compiled with what .venv has, without a network.
ALL := --constraint constraints.txt --editable ".[test]"
C_ALONE := --no-deps --no-build-isolation --editable .

$(STAMP): pyproject.toml setup.py constraints.txt $(wildcard prefault_kit/kernel/native/*.[ch]) prefault_kit/kernel/native/build.py
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: sudo apt install python3 python3-venv python3-dev" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed, and $(PYTHON) is older: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@missing=; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	test -e "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || missing="$$missing python3-dev"; \
	command -v gcc >/dev/null || missing="$$missing gcc"; \
	test -z "$$missing" || { echo "Set-up needs what is not here yet: sudo apt install$$missing" >&2; exit 1; }
	@echo "Setting up $(VENV)..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@rm -f prefault_kit/kernel/native/*.so # a running kernel keeps its own; one compiled by hand would hide the new
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(filter pyproject.toml constraints.txt,$?),$(ALL),$(C_ALONE))
	@mkdir -p "$(dir $(LAB_OVERRIDES))"
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}' > "$(LAB_OVERRIDES)"
	@touch $@

lab: $(STAMP)
	@$(BIN)/python -m jupyterlab $(ROOT_FLAG) --ip=127.0.0.1 --LabApp.default_url="/lab/tree/$(NOTEBOOK)" $(LAB_FLAGS)

# tests/test_code.py is "make check"
test: $(STAMP)
	@$(SUITE) -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not alone and not browser" \
		--durations 20 -p tests.warm_kernels --nbval --nbval-current-env --nbval-cell-timeout=300 -- tests notebooks
	@$(SUITE) -m alone -p no:nbval -- $$(grep -rl --include='*.py' 'mark[.]alone' tests)

# JupyterLab, its screens and the pages that are exported, in the system's Chromium
test-browser: $(STAMP)
	@$(SUITE) -n 2 --dist loadfile -m browser -p no:nbval -- tests

# The lowest versions that pyproject.toml promises, in an environment of their own: what uses them
test-lowest: $(STAMP)
	@$(PYTHON) -m venv --clear $(LOWEST)
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
		--editable ".[test]"
	@$(LOWEST)/bin/python -m tests.second_try -n $(JOBS) --dist loadfile --no-loadscope-reorder \
		-m "not alone and not browser" -- \
		tests/kernel tests/memory tests/measure tests/studies/review tests/show tests/screens \
		tests/cli/test_matrix.py tests/cli/test_check.py tests/docs

wheel: $(STAMP)
	@rm -rf build dist
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--wheel-dir dist .
	@echo "Built $$(ls dist/*.whl)"

bench: $(STAMP)
	@$(BIN)/python -m tests.benchmarks

refresh: $(STAMP)
	@$(BIN)/python -m tests.refresh notebooks/*.ipynb

site: $(STAMP)
	@$(BIN)/python -m docs.extension site
	@echo "Built site/index.html"

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

clean:
	rm -rf $(VENV) $(LOWEST) site build dist prefault_kit.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -f prefault_kit/kernel/native/*.so prefault_kit/kernel/native/*.o prefault_kit/kernel/native/_prefault.c
	find prefault_kit tests notebooks docs -name __pycache__ -exec rm -rf {} +
