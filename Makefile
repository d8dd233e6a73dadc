# Everything works without make too: README.md names the plain commands (Windows, offline).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test spark lint bench bundle lock clean

demo: $(READY)
	$(BIN)/desist demo --workspace desist-demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

# What the tests of the Spark engine need besides Java 17; they are skipped without.
spark: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-spark.lock

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy -p desist.records -p desist.intake -p desist.features -p desist.simulation -p desist.models \
		-p desist.fairness -p desist.measures -p desist.reports -p desist.pipelines
	$(BIN)/python .ci/lint_imports.py

bench: $(READY)
	$(BIN)/python benchmarks/quarter.py

# A folder from which desist installs on a machine without network: see README.md, "Offline".
bundle: $(READY)
	rm -rf build bundle
	$(BIN)/python -m pip download --require-hashes -r requirements.lock -d bundle
	$(BIN)/python -m pip wheel --no-deps --no-build-isolation -w bundle .
	cp requirements.lock bundle/

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

clean:
	rm -rf build dist bundle $(VENV)
