# inferstack: the commands that people use. `make` alone prints them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# ONNX Runtime would report its use to its vendor.
export ORT_DISABLE_TELEMETRY := 1

PYTHON ?= python3
VENV := .venv
MODEL_VENV := .venv-model-build
PY := $(VENV)/bin/python
MODEL_PY := $(MODEL_VENV)/bin/python
GROUPS := dev model-build tools bootstrap installer
SUBGROUPS := infra policies serving serving-cuda

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

# Where the local stack's cluster comes from decides what is needed: embedded or existing.
KIND = $$($(PY) -m infra kind --stack local)

.PHONY: tools
tools: venv ## find or build the pinned tools (about 28 minutes the first time)
	@$(PY) -m tools build --for $(KIND)

.PHONY: cluster
cluster: tools ## start the embedded cluster
	@$(PY) -m local up

.PHONY: wheels wheels-cuda-stub images
wheels: venv ## download the serving image's wheels, by hash
	@$(PY) -m local.images wheels
wheels-cuda-stub: venv ## the wheels of the image's GPU variant, with stubs for NVIDIA's libraries
	@$(PY) -m local.images wheels-cuda-stub
images: tools wheels ## prepare the build contexts of the local images
	@if [ $(KIND) = embedded ]; then $(PY) -m local.images; fi

.PHONY: model
model: venv-model-build ## build each version that the local stack names (a second time: nothing)
	@$(PY) -m infra versions --stack local | while read -r service version; do \
	  $(MODEL_PY) -m model_build build --service "$$service" --version "$$version"; done

.PHONY: up
up: venv ## everything: from a bare machine to a real prediction
	@$(PY) -m local check
	@$(MAKE) --no-print-directory tools
	@$(MAKE) --no-print-directory model images
	@$(MAKE) --no-print-directory cluster
	@if [ -e .state/drill/project ]; then $(PY) -m drill restore; fi # what a drill left that was cut off
	@$(PY) -m local.stack up
	@$(PY) -m local.predict

.PHONY: drill
drill: cluster ## play releases under load on the local stack: JSON=FILE [DRILL_FLAGS="--scenario canary --seconds 120"]
	@$(MODEL_PY) -m model_build build --service sentiment --version 0.2.0
	@$(PY) -m drill run $(if $(JSON),--json $(JSON)) $(DRILL_FLAGS)

.PHONY: preview
preview: cluster model images ## show what `make up` would change in the local stack
	@$(PY) -m local.stack preview

.PHONY: down
down: venv ## remove all that `make up` started
	@$(PY) -m local down
	@$(PY) -m local.stack destroy

.PHONY: rehearse
# The exit code is in the report: make itself knows only that something is not fine.
rehearse: venv ## apply a stack without an account: STACK=prod [FROM=<git reference>] [REHEARSE_FLAGS=--json=FILE]
	@$(PY) -m tools build --for rehearsal
	@$(PY) -m rehearsal run --stack $(or $(STACK),$(error say which stack: make rehearse STACK=prod)) $(if $(FROM),--from $(FROM)) $(REHEARSE_FLAGS)

.PHONY: test test-fast
test-fast: venv ## the tests that need no built tools: two minutes
	@$(PY) -m pytest -m "not tools and not cluster and not model_build and not contract"
test: venv venv-model-build tools wheels wheels-cuda-stub images model ## everything that needs no GPU and no cloud account
	@$(PY) -m tests.run_suites

.PHONY: lint
lint: venv venv-model-build ## ruff, basedpyright, import rules, hadolint, yamllint, gofmt
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/basedpyright
	@$(VENV)/bin/basedpyright -p model_build/pyrightconfig.json
	@$(VENV)/bin/lint-imports
	@git ls-files '*Dockerfile' | xargs -r $(VENV)/bin/hadolint
	@git ls-files '*.yaml' '*.yml' | xargs -r $(VENV)/bin/yamllint --strict
	@$(PY) -m tools build --only go
	@unformatted=$$(.tools/bin/gofmt -l tools/go); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }

.PHONY: evidence-check
evidence-check: venv ## simulate releases: how often the judge of a candidate is wrong, how soon right (minutes)
	@$(PY) -m rollout.evidence simulate --releases $(or $(RELEASES),1000) $(EVIDENCE_FLAGS)

.PHONY: bench
bench: venv ## measure the speed and memory targets, as ratios where one is named
	@$(PY) -m bench

.PHONY: clean
clean: down ## down, and every file that was built, downloaded or recorded here
	@rm -rf .state .tools $(MODEL_VENV) $(VENV)
