# Needs Python 3.11 and make; everything else comes from the lock file.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test lint format bench clean lock setup chromium proof

run: $(STAMP)  ## everything on this machine, with simulators and a demo company
	@exec $(BIN)/python manage.py stack --sandbox $(ARGS)

setup: $(STAMP)

$(STAMP): requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

test: $(STAMP) chromium
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# What needs a quiet machine and a real minute: a vendor's window used to the full.
proof: $(STAMP)
	$(BIN)/python -m pytest -m proof $(ARGS)

# Browser tests use Debian's Chromium; it is installed where that is possible without asking.
chromium:
	@command -v chromium >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && \
	  { echo "Installing Chromium for the browser tests"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; }; } || \
	  echo "No Chromium: the browser tests will be skipped."

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m config.embedded $(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	$(BIN)/python -m bench $(ARGS)

lock: $(STAMP)
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --universal --python-version 3.11 --all-extras pyproject.toml -o requirements.lock

clean:  ## removes the data of `make run` and the virtual environment
	@for link in .data/*/postgres; do if [ -L "$$link" ]; then rm -rf "$$(readlink "$$link")"; fi; done
	rm -rf .data $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles

.PHONY: assets
assets:  ## rebuild static/vendor from the pinned npm packages (needs Node)
	cd assets && npm install --no-package-lock --silent && npm run --silent build
