# make demo       scan about ten real packages and write demo.html
# make test       the test suite; needs gcc and binutils beside Python, touches nothing outside this folder
# make test-full  also the slow tests: other compilers, downloads, a browser
# make coverage   branch coverage by the tests; not by those of deaths and deadlines, which measuring disturbs
# make lint       ruff and mypy
# make bench      what a scan costs on this machine
# make bench-archive  what a whole archive costs: a mirror of a thousand real packages (1.4 GB) by path and over HTTP
# make accuracy   how many verdicts are unknown, and which differ from those of other checkers; downloads and builds
# make lock       write requirements/*.txt anew; UPGRADE=--upgrade takes the newest versions
# make clean      remove what the others made

PYTHON3 ?= python3
VENV    := .venv
PYTHON  := $(VENV)/bin/python
PIP     := $(PYTHON) -m pip --disable-pip-version-check --quiet
COMPILE := build/lock/bin/pip-compile --quiet --generate-hashes --strip-extras --no-annotate --no-header \
           --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options
PYTEST_ARGS ?=
# One process for each of up to four processors; PYTEST_ARGS=-n0 runs all in one, for a debugger.
PARALLEL := -n auto --maxprocesses 4 --dist worksteal
UPGRADE ?=
# Tests start thousands of processes: where the environment forbids to keep bytecode, each would compile archscan anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test test-full coverage lint bench bench-archive accuracy lock clean
.DELETE_ON_ERROR:

help:
	@sed -n '/^# make/s/^# //p' Makefile

# The lists name every package with the hashes of its files, so nothing else is resolved (--no-deps), and archscan is
# installed with the build backend that they name (--no-build-isolation) and without asking an index.
$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "archscan needs Python 3.11 or newer; set PYTHON3")'
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || $(PYTHON3) -m venv --clear $(VENV)
	$(PIP) install --require-hashes --no-deps -r requirements/runtime.txt
	$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.runtime
	$(PIP) install --require-hashes --no-deps -r requirements/test.txt
	@touch $@

demo: $(VENV)/.runtime
	@.ci/demo-packages $(PYTHON) demo-packages
	@$(VENV)/bin/archscan scan demo-packages --db demo.db || test $$? -eq 11
	@$(VENV)/bin/archscan report html --db demo.db -o demo.html

test: $(VENV)/.test
	$(PYTHON) -m pytest $(PARALLEL) $(PYTEST_ARGS)

test-full: $(VENV)/.test
	.ci/install .ci/packages.txt .ci/packages-full.txt
	ARCHSCAN_TESTS_COLD=1 $(PYTHON) -m pytest $(PARALLEL) -m "full or not full" --forbid-skips $(PYTEST_ARGS)

coverage: $(VENV)/.test
	ARCHSCAN_TESTS_COLD=1 $(PYTHON) -m pytest --quiet --ignore tests/pool --ignore tests/damage --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

lint: $(VENV)/.test
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy --strict

bench: $(VENV)/.test
	$(PYTHON) -m tests.bench

bench-archive: $(VENV)/.test
	.ci/install .ci/packages.txt
	$(PYTHON) -m tests.bench.archive

accuracy: $(VENV)/.test
	$(PYTHON) -m tests.accuracy

lock:
	$(PYTHON3) -m venv build/lock
	build/lock/bin/python -m pip --quiet install pip-tools==7.6.2
	$(COMPILE) $(UPGRADE) --all-build-deps --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --all-build-deps --all-extras --constraint requirements/runtime.txt \
		--output-file requirements/test.txt pyproject.toml
	@# pip is wanted by a dependency; every environment has one, and it cannot replace itself while it runs.
	sed -i -e "/^# WARNING/,\$$d" -e "1i # Written by \`make lock\` from pyproject.toml: exact versions, with the hashes of their files for every platform." \
		requirements/runtime.txt requirements/test.txt

clean:
	rm -rf $(VENV) build dist demo-packages demo.db demo.db-shm demo.db-wal demo.html .coverage .coverage.* htmlcov \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
	find archscan corpus tests -name __pycache__ -prune -exec rm -rf {} +
