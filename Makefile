# A virtual environment first: a distribution's own Python refuses pip.
PYTHON ?= python3
VENV := .venv/bin/python

.PHONY: paper test lint
paper: .venv/installed
	$(VENV) run.py --paper

test: .venv/tested
	$(VENV) -m pytest -n 2 --dist loadfile

lint: .venv/tested
	$(VENV) -m ruff check . && $(VENV) -m ruff format --check . && $(VENV) -m mypy

.venv/installed: setup.cfg constraints.txt
	$(PYTHON) -m venv .venv
	$(VENV) -m pip install -c constraints.txt -e .
	touch $@

.venv/tested: setup.cfg constraints.txt
	$(PYTHON) -m venv .venv
	$(VENV) -m pip install -c constraints.txt -e '.[test]'
	touch $@
