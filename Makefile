# Everything a fresh machine needs comes from here: Python >= 3.11, make and a network of package registries.
PYTHON ?= python3
CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/agentweave-watcher
VENV := $(CACHE)/venv-$(shell { pwd; $(PYTHON) --version; cat requirements.lock; } | cksum | cut -d' ' -f1)
BIN := $(VENV)/bin
DOCS := $(CACHE)/venv-docs-$(shell cat docs/requirements.lock | cksum | cut -d' ' -f1)
READY := $(VENV)/ready
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# Bytecode is kept, and beside the tree, whatever the surroundings say: a run without it compiles in each process.
KEPT := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CACHE)/pycache
IMAGE ?= agentweave-watcher:$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help demo check test lint bench soak tools checklist docs rules dashboards image dist lock

help:  ## this list
	@sed -n 's/^\([a-z]*\): .*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

demo: $(READY)  ## a fleet of a dozen agents with faults that come and go, watched; SECONDS=60 ends it
	@$(BIN)/agentweave-watcher demo $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PORT),--port $(PORT))

check: $(READY)  ## lint, and the tests that need no more than the virtual environment; before each commit
	@$(MAKE) --no-print-directory lint
	@$(KEPT) $(BIN)/python -m pytest -n 4 --maxschedchunk 8 --dist loadgroup --venv-only $(ARGS)

test: $(READY) tools  ## all tests, against real servers (builds those that are missing)
	@$(KEPT) $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: $(READY)  ## format, lint, types, layers
	@RUFF_CACHE_DIR=$(CACHE)/ruff $(BIN)/ruff format --check .
	@RUFF_CACHE_DIR=$(CACHE)/ruff $(BIN)/ruff check .
	@$(BIN)/mypy --cache-dir $(VENV)/mypy
	@$(BIN)/lint-imports

bench: $(READY)  ## the daemon against its peer; AGENTS=500 SECONDS=10 for a quick run of two minutes
	@$(BIN)/python -m tests.bench $(if $(AGENTS),--agents $(AGENTS)) $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

soak: $(READY)  ## a hundred hostile agents and strangers at the port for MINUTES=10, and what grew meanwhile
	@$(BIN)/python -m tests.hostile.soak $(if $(MINUTES),--minutes $(MINUTES))

tools: $(READY)  ## build the servers that tests talk to
	@$(BIN)/python tests/tools/build.py

checklist: $(READY)  ## write docs/checklist.md and the catalogue's plain.json anew from its YAML
	@$(BIN)/python -c 'from probes.controls.catalogue.loading import shipped_as_json; print(end=shipped_as_json())' \
		> plain.json && mv plain.json probes/controls/catalogue/plain.json
	@$(BIN)/agentweave-watcher controls --output markdown > checklist.md && mv checklist.md docs/checklist.md

docs: $(READY)  ## write the reference pages of docs/ anew, and the site from all of it: site/
	@$(BIN)/python -m watcher.commands.reference docs
	@test -x $(DOCS)/bin/mkdocs || { echo "setting up $(DOCS)"; $(PYTHON) -m venv $(DOCS); \
		$(DOCS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r docs/requirements.lock; }
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet --strict && echo "the site is in site/: $(PYTHON) -m http.server -d site"

rules: $(READY)  ## write alerts/rules and alerts/optional-rules anew from watcher/alerting/rules
	@$(BIN)/python -m watcher.alerting.rules alerts

dashboards: $(READY)  ## write alerts/dashboards anew from watcher/alerting/dashboards
	@$(BIN)/python -m watcher.alerting.dashboards alerts/dashboards

image:  ## the container image, with docker or podman; IMAGE=name:tag
	@engine=$$(command -v docker || command -v podman) || { echo "neither docker nor podman is on PATH" >&2; exit 2; }; \
	"$$engine" build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null) \
		--tag $(IMAGE) .

dist: $(READY)  ## the package and the chart, ready to be published, with their digests: dist/
	@$(BIN)/python -m tests.packaging.dist dist

lock: $(READY)  ## renew requirements.lock from pyproject.toml
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet pyproject.toml --extra fast --group dev --universal --generate-hashes \
		--no-header --no-emit-index-url --python-version 3.11 --upgrade --output-file requirements.lock
	@$(BIN)/uv pip compile --quiet --group docs --universal --generate-hashes \
		--no-header --no-emit-index-url --python-version 3.11 --upgrade --output-file docs/requirements.lock

$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || { echo "setting up $(VENV) (once; a minute or two)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing the packages of requirements.lock from PyPI ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@; echo "ready"
