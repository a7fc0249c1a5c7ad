# Everything a newcomer needs: each target installs what it lacks.
PYTHON ?= python3
BIN := .venv/bin

# Tests, servers and workers are hundreds of processes: what one has compiled, the others load.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install app test test-all check format bench docs lock clean

install: .venv/.installed

# Nothing is compiled before it is used, and pip comes first: the one that Python brings may take three times as long.
# setuptools' remark on what an editable installation is tells a newcomer nothing.
PIP := PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip install --quiet --no-compile --constraint requirements.lock

# The lock file holds every version; torch is the exact one that pip also finds as a CPU build where there is one.
.venv/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; 'make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)' uses another one."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing: 'apt-get install python3-venv' (Debian, Ubuntu) brings it."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --upgrade pip
	$(PIP) --editable '.[dev]'
	touch $@

# Opens the browser where there is one; ARGS="--server.port=8080" and the like are passed on.
app: install
	$(BIN)/streamlit run app.py $(ARGS)

test: install
	$(BIN)/python -m pytest

# With the tests that are marked as slow.
test-all: install
	$(BIN)/python -m pytest -m ''

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python -m benchmarks

# The documents as a site in build/site; reads nothing from another host once its packages are installed.
docs: install
	$(PIP) --editable '.[docs]'
	$(BIN)/mkdocs build

lock: install
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	$(BIN)/python -m pip freeze --all --exclude-editable --exclude setuptools --exclude wheel | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
