PYTHON ?= python3
BIN := .venv/bin
ENGINE_TESTS := $(filter-out tests/test_integrations_dolma.py,$(wildcard tests/test_integrations_*.py)) tests/test_ten_terabytes.py
EXTRAS_engines := engines
EXTRAS_dolma := dolma

KERNEL_TESTS := $(addprefix tests/test_,decode.py kernels.py tokenizer.py gate.py collocation.py respell.py restorer.py batch.py lexicon.py)

.PHONY: demo test test-bounds test-engines lint types check bench bench-check e2e build clean

demo: .venv/demo  ## restore an example
	@echo; echo "== examples/spun_news.txt, restored"; $(BIN)/restore fix examples/spun_news.txt
	@echo; echo "== the edits: place, probability, observed → original"; $(BIN)/restore fix --list examples/spun_news.txt

test: .venv/test  ## all tests
	$(BIN)/python -m pytest -q --cov=restore --cov-report=term:skip-covered --cov-fail-under=90

test-engines: .venv-engines/ready .venv-dolma/ready  ## the adaptors against the engines themselves (2 GB of packages; Java 17); nothing is skipped
	RESTORE_ENGINES=spark,ray,datatrove,spacy .venv-engines/bin/python -m pytest -q -rs $(ENGINE_TESTS)
	RESTORE_ENGINES=dolma .venv-dolma/bin/python -m pytest -q -rs tests/test_integrations_dolma.py

test-bounds: .venv/test  ## the kernels with every index checked; they are built anew before and after
	RESTORE_BOUNDS=1 $(BIN)/python setup.py -q build_ext --inplace --force
	$(BIN)/python -m pytest -q -W error::pytest.PytestUnraisableExceptionWarning $(KERNEL_TESTS); status=$$?; $(BIN)/python setup.py -q build_ext --inplace --force && exit $$status

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/mypy

check: .venv/demo  ## the shipped dictionaries and model
	$(BIN)/restore dict check
	$(BIN)/restore model info | head -n 1

bench: .venv/bench  ## speed of the stages and of peers (RESTORE_BENCH_TEXT=FILE for your own text)
	$(BIN)/python -m pytest benchmarks/test_*.py -q --benchmark-only --benchmark-columns=median,ops,rounds --benchmark-sort=name

bench-check: .venv/bench  ## fails when a stage is 15 % slower than recorded, against a reference loop
	$(BIN)/python benchmarks/check.py

MB ?= 1000
e2e: .venv/test  ## restore run on a corpus of MB megabytes made of TEXTS (paragraphs, a line each), killed ten times: make e2e TEXTS="news.txt.xz" MB=1000
	$(BIN)/python tools/end_to_end.py $(TEXTS) --megabytes $(MB)

build: .venv/dev  ## wheel and source distribution
	$(BIN)/python -m build

.venv/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

.venv/demo: .venv/pip pyproject.toml setup.py $(wildcard restore/kernels*.py)
	$(BIN)/python -m pip install --quiet -e .
	touch $@

# uv, because pip takes minutes to choose versions here; dolma apart, because it wants numpy 1 and the others do not.
.venv-engines/ready .venv-dolma/ready: .venv-%/ready: pyproject.toml setup.py $(wildcard restore/kernels*.py)
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet uv
	.venv-$*/bin/uv pip install --quiet --python .venv-$*/bin/python -e '.[$(EXTRAS_$*)]' 'pytest>=8'
	touch $@

.venv/test .venv/dev .venv/bench: .venv/%: .venv/demo
	$(BIN)/python -m pip install --quiet -e '.[$*]'
	touch $@

clean:
	rm -rf .venv .venv-engines .venv-dolma build dist *.egg-info restore/kernels*.c restore/*.so
