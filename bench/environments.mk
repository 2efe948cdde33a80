# Environments: the harness's own, that of LLaMA-Factory, and what some tests need.

VERSION ?= 0.9.5

ifdef PYTHON
    PY := $(PYTHON)
    READY :=
else
    PY := .venv/bin/python
    READY := .venv/.ready
endif

# an environment that is used as it is may not have the package installed
export PYTHONPATH := $(CURDIR)/harness$(if $(PYTHONPATH),:$(PYTHONPATH))

.PHONY: llamafactory llamafactory-gpu deepspeed lock messages

# an environment that has LLaMA-Factory, and a tiny model and data for it to train
#   make llamafactory VERSION=0.9.2         the release at the time of the article
llamafactory: $(READY) .venv-llamafactory-$(VERSION)/.ready
	ln -sfn .venv-llamafactory-$(VERSION) .venv-llamafactory
	test -d .llamafactory/model || $(PY) -m evalskip.jobs.llamafactory.tiny .llamafactory

# a model of 0.6 billion parameters with random weights, for bench/llamafactory/gpu.yaml
llamafactory-gpu: llamafactory
	test -d .llamafactory/qwen3-0.6b || \
		$(PY) -m evalskip.jobs.llamafactory.tiny .llamafactory qwen3-0.6b

.venv-llamafactory-%/.ready: bench/llamafactory/requirements-%.txt
	$(call base_python) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps llamafactory==$*
	@$(@D)/bin/python -c 'import torchaudio' 2>/dev/null || { \
		site=$$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
		mkdir -p $$site/torchaudio && touch $$site/torchaudio/__init__.py; }
	touch $@

# DeepSpeed for CPUs, in a folder of its own, for the tests that train by it
deepspeed: $(READY) .deepspeed/.ready

.deepspeed/.ready: bench/deepspeed/requirements.txt
	DS_ACCELERATOR=cpu $(PY) -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --upgrade --target $(@D) -r $<
	touch $@

.venv-docs/.ready: docs/requirements.txt
	$(call base_python) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# new versions of everything that the lock pins
lock:
	rm -rf .venv-lock
	$(call base_python) -m venv .venv-lock
	.venv-lock/bin/pip install torch==2.13.0 -e '.[dev]'
	.venv-lock/bin/pip freeze --exclude-editable | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' > requirements.lock
	rm -rf .venv-lock

# the catalogue of every language from what the code says; what is new in it has no translation yet
WORDS := harness/evalskip/report/words
messages: $(READY)
	mkdir -p build
	.venv/bin/pybabel -q extract -F pyproject.toml -k N_ -k NN_:1,2 --no-location --sort-output \
		-o build/messages.pot harness/evalskip
	for po in $(WORDS)/*.po; do .venv/bin/pybabel -q update -i build/messages.pot -o $$po \
		-l $$(basename $$po .po) --no-fuzzy-matching --ignore-obsolete --omit-header -w 100; done

# what the harness itself costs, by pytest-benchmark, beside the results in a directory
suite = if $(PY) -c 'import pytest_benchmark' 2>/dev/null; \
	then $(PY) -m pytest bench -q --benchmark-json=$(1)/benchmark.json \
		--benchmark-columns=median,iqr,rounds; \
	else echo "evalskip: no benchmark.json, since $(PY) has no pytest-benchmark"; fi

# the first Python on the path that is new enough
base_python = $$(for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
	done || true)

# what a spec needs beyond the rest
extras = if [ -z "$(PYTHON)" ] && grep -qs 'finetuning: *qlora' $(1); \
	then $(MAKE) --no-print-directory .venv/.qlora; fi

.venv/.qlora: .venv/.ready
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[qlora]'
	touch $@

.venv/.ready: requirements.lock pyproject.toml
	@python="$(base_python)"; test -n "$$python" || \
		{ echo "evalskip: Python: expected 3.11 or newer on the path" >&2; exit 2; }; \
	$$python -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@
