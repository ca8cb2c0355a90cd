# The course in a few words: make demo, make test, make lab.
#
# On Linux without a GPU, the CPU build of PyTorch saves gigabytes; the README says where to find
# the address of its index:
#     make setup PIP_ARGS="--extra-index-url <address>"

PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
STAMP := .venv/installed

# nbgrader calls tools of its environment by their bare names.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: setup demo test bench mutation release lab

setup: $(STAMP)  ## the environment in .venv; nothing to do when it is up to date

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "byhand needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

demo: setup  ## grade a class of ten on the real assignment, in build/demo
	@$(BIN)/byhand demo

test: setup  ## everything that CI checks
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/byhand normalise --check
	$(BIN)/byhand release --check
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadscope

bench: setup  ## figures as ratios against PyTorch and plain nbgrader
	@for script in $(filter-out bench/muta%, $(wildcard bench/*.py)); do $(BIN)/python $$script || exit 1; done

mutation: setup  ## how good the hidden tests are: automatic mutants of every solution, graded
	@mkdir -p build && $(BIN)/python bench/mutation.py --json build/mutation.json

release: setup  ## make release/ from source/
	@$(BIN)/byhand release

lab: setup  ## JupyterLab on the course, with nbgrader's extensions
	$(BIN)/jupyter lab
