# `make demo` and `make test` do all their own set-up, in a private .venv beside this file.

SHELL := /bin/sh
# The first interpreter found that is new enough; name another with `make PYTHON=/path/to/python3.12 demo`.
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.13 python; do \
	if env -u PYTHONPATH -u PYTHONHOME $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)
# An active environment, conda's or another, must not leak into ours.
CLEAN := env -u PYTHONPATH -u PYTHONHOME -u PYTHONDONTWRITEBYTECODE -u VIRTUAL_ENV -u PIP_TARGET -u PIP_PREFIX -u PIP_USER
RUN := $(CLEAN) .venv/bin/python -m
# A folder that was moved or copied has an environment that still points to the old place; its name tells.
READY := .venv/.ready-$(shell pwd | cksum | cut -d' ' -f1)

.PHONY: demo test check-types run-tests test-ray coverage docs soak release-check constraints format setup clean

demo: $(READY)
	$(RUN) manyshot demo

# A worker of pytest that is done steals from the other, so that neighboring tests stay together and share their fixtures.
PYTEST := $(CLEAN) OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n 2 --dist worksteal

test: $(READY)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(CLEAN) .venv/bin/lint-imports
	+@$(MAKE) --no-print-directory --jobs 2 check-types run-tests

# mypy is one process, beside which a core would be idle.
check-types: $(READY)
	$(RUN) mypy

run-tests: $(READY)
	$(PYTEST)

# Comparisons and shards on a Ray cluster of two nodes of which one is lost: a minute, and a package of 70 MB that nothing else needs.
test-ray: $(READY)
	$(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[ray]"
	$(CLEAN) OMP_NUM_THREADS=1 .venv/bin/python -m pytest tests/compare/test_train_on_ray.py

coverage: $(READY)
	$(PYTEST) --cov --cov-report=term

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --quiet
	@echo "Open site/index.html"

# Kills, bad inputs, races and full disks, at random: MINUTES of it from SEED, on as many processes as JOBS says.
soak: $(READY)
	$(CLEAN) OMP_NUM_THREADS=1 .venv/bin/python -W ignore tests/soak/campaign.py --minutes $(or $(MINUTES),10) --seed $(or $(SEED),0) --jobs $(or $(JOBS),1)

# The wheel and the sdist, each installed in an empty environment, where it must train on digits and fit sentences.
release-check:
	rm -rf dist .venv-release
	$(CLEAN) $(PYTHON) -m venv .venv-release
	$(CLEAN) .venv-release/bin/python -m pip install --quiet --disable-pip-version-check build
	$(CLEAN) .venv-release/bin/python -m build --outdir dist .
	for package in dist/*; do $(CLEAN) PYTHON=$(PYTHON) sh tests/helpers/works_alone.sh $$package || exit 1; done
	rm -rf .venv-release
	@echo "dist/ holds a wheel and an sdist that work alone."

# The newest versions that install together, torch apart; review the difference and run `make test` before committing it.
constraints:
	$(CLEAN) $(PYTHON) -m venv .venv-newest
	grep '^torch==' constraints.txt > .venv-newest/pins.txt
	$(CLEAN) .venv-newest/bin/python -m pip install --quiet --constraint .venv-newest/pins.txt ".[dev]"
	head -n 1 constraints.txt > .venv-newest/constraints.txt
	$(CLEAN) .venv-newest/bin/python -m pip freeze --exclude manyshot >> .venv-newest/constraints.txt
	mv .venv-newest/constraints.txt constraints.txt
	rm -rf .venv-newest

format: $(READY)
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(CLEAN) $(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Manyshot needs Python 3.11 or newer; $(or $(PYTHON),none was found). Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv (once, about two minutes) with $(PYTHON) ..."
	@echo "Where pip would take a large CUDA build of torch: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make setup"
	rm -rf .venv
	$(CLEAN) $(PYTHON) -m venv .venv
	$(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	$(RUN) manyshot.augment.engine.compile_kernels
	@touch $(READY)

clean:
	rm -rf .venv site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
