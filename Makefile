# inferstack: the commands that people use. `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
MODEL_VENV := .venv-model-build
PY := $(VENV)/bin/python
MODEL_PY := $(MODEL_VENV)/bin/python
GROUPS := dev model-build tools bootstrap installer
SUBGROUPS := infra policies serving

.PHONY: help
help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

.PHONY: lock
lock: venv ## compile pyproject.toml's groups into requirements/*.txt, with hashes
	@for group in $(GROUPS); do $(VENV)/bin/uv pip compile -q --group $$group $(LOCK_FLAGS) -o requirements/$$group.txt; done
	@for group in $(SUBGROUPS); do $(VENV)/bin/uv pip compile -q --group $$group $(LOCK_FLAGS) $$(ls requirements/$$group.excludes 2>/dev/null | sed 's/^/--excludes /') -c requirements/dev.txt -o requirements/$$group.txt; done
LOCK_FLAGS := --generate-hashes --python-version 3.11 --no-annotate --no-header --no-emit-index-url

.PHONY: venv venv-model-build
venv: $(VENV)/.ready ## the Python environment of everything but model_build
venv-model-build: $(MODEL_VENV)/.ready ## the Python environment with torch (5 GB)

# uv comes first, by hash; it then makes the environment exactly what the lock says.
$(VENV)/.ready: requirements/dev.txt requirements/bootstrap.txt
	@$(call make_venv,$(VENV),dev)

$(MODEL_VENV)/.ready: requirements/model-build.txt requirements/bootstrap.txt
	@$(call make_venv,$(MODEL_VENV),model-build)

define make_venv
echo "Python environment $(1) (requirements/$(2).txt)"; \
$(PYTHON) -m venv $(1); \
$(1)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt; \
$(1)/bin/uv pip sync -q --compile-bytecode --python $(1)/bin/python --require-hashes requirements/$(2).txt requirements/bootstrap.txt; \
touch $@
endef
