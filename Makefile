# The course in a few words: make demo, make test, make lab. Without make: python -m byhand demo.
#
# On Linux without a GPU, the CPU build of PyTorch saves gigabytes; the README says where to find
# the address of its index:
#     make setup PIP_ARGS="--extra-index-url <address>"

PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin

# nbgrader calls tools of its environment by their bare names.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: setup demo test bench mutation release lab site

setup:  ## the environment in .venv; nothing to do when it is up to date
	@$(PYTHON) -m byhand setup $(PIP_ARGS)

demo: setup  ## grade a class of ten on the real assignment, in build/demo
	@$(BIN)/byhand demo

test: setup  ## everything that CI checks
	@$(BIN)/byhand test

bench: setup  ## figures as ratios against PyTorch and plain nbgrader
	@for script in $(filter-out bench/muta%, $(wildcard bench/*.py)); do $(BIN)/python $$script || exit 1; done

mutation: setup  ## how good the hidden tests are: automatic mutants of every solution, graded
	@mkdir -p build && $(BIN)/python bench/mutation.py --json build/mutation.json

release: setup  ## make release/ from source/
	@$(BIN)/byhand release

lab: setup  ## JupyterLab on the course, with nbgrader's extensions
	$(BIN)/jupyter lab

site: setup  ## the documentation as a site in build/site; python -m http.server shows it, with its search
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
