# `make demo` and `make test` set up what they need in .venv and dist; see README.md.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.PHONY: help demo test wheels fuzz clean

VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(notdir $(patsubst %/Cargo.toml,%,$(wildcard plugins/*/Cargo.toml)))
# Interpreters that pyenv keeps are found by tox when their folders are on the path.
PYENV_ROOTS := $(sort $(PYENV_ROOT) $(HOME)/.pyenv $(patsubst %/bin/pyenv,%,$(shell command -v pyenv)))
PYENV := $(wildcard $(addsuffix /versions/3.1[123].*/bin,$(PYENV_ROOTS)))
# Under another home directory rustup's cargo does not find the toolchains that are installed beside it.
RUSTUP := $(patsubst %/.cargo/bin/cargo,%/.rustup,$(shell command -v cargo))
ifneq ($(wildcard $(RUSTUP)/toolchains),)
export RUSTUP_HOME ?= $(RUSTUP)
endif
noop :=
space := $(noop) $(noop)
export PATH := $(PATH)$(if $(PYENV),:$(subst $(space),:,$(strip $(PYENV))))
# The first interpreter that is new enough; python3 may be an older one.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)
SOURCES := $(shell find engine framework plugins pyproject.toml \
	\( -name target -o -name __pycache__ -o -name fuzz \) -prune -o -type f ! -name '*.so' -print)
FUZZ_SECONDS ?= 60

help: ## Show this list.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: $(BIN)/wirebook ## Simulate a day, replay it into books, write frames and a picture into demo/.
	mkdir -p demo
	$(BIN)/wirebook simulate demo/day.pcap --messages 3000000 --seed 7
	$(BIN)/wirebook replay demo/day.pcap --out demo/events.parquet --books demo/books.json --plot demo/day.png
	@ls -lh demo

test: $(BIN)/tox ## Run every check: all tox environments.
	.ci/packages
	$(BIN)/tox run-parallel --parallel 2 --parallel-live

wheels: dist/.built ## Build the wheels of wirebook and its plugins into dist/.

fuzz: ## Run each fuzz target for FUZZ_SECONDS; needs a nightly toolchain.
	@.ci/fuzz $(FUZZ_SECONDS)

clean: ## Remove what was built here.
	rm -rf $(VENV) .tox dist demo engine/target plugins/target $(PLUGINS:%=plugins/%/target)

$(BIN)/python:
	.ci/venv "$(PYTHON)" $(VENV)

$(BIN)/maturin: | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'maturin>=1.13,<2'

$(BIN)/tox: | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'tox>=4.20'

dist/.built: $(SOURCES) | $(BIN)/maturin
	rm -rf dist
	$(BIN)/maturin build --release --out dist
	for plugin in $(PLUGINS); do \
		(cd plugins/$$plugin && CARGO_TARGET_DIR=../target ../../$(BIN)/maturin build --release --out ../../dist); done
	touch $@

# Wheels of the same version replace those of before; what they depend on stays.
$(BIN)/wirebook: dist/.built
	$(BIN)/python -m pip install --quiet "$$(echo dist/wirebook-*.whl)[plot]" dist/wirebook_*.whl
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps dist/*.whl
	touch $@
