# What people use; each target sets up what it needs. The tables of results/reference are made by
# bench/tables.mk, the study of the article by bench/study.mk, environments by bench/environments.mk.
#
#   make bench SPEC=bench/gpu.yaml          another experiment
#   make bench PYTHON=/path/to/python       use an environment as it is

SPEC ?= bench/quick.yaml
ARGS ?=
NAME := $(basename $(notdir $(SPEC)))
OUT  ?= results/$(NAME)

include bench/environments.mk bench/tables.mk bench/study.mk

.DEFAULT_GOAL := bench
.PHONY: bench report gate gate-session gate-baseline test test-slow nightly lint docs clean

bench: $(READY)
	@$(call extras,$(SPEC))
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
	@cp results/history.jsonl results/gate/
	$(PY) -m evalskip gate results/gate --baseline results/baseline.json \
		--history results/gate/history.jsonl $(ARGS) || test $$? = "$(PASS_ON)"

# one more session of what is held to be as it should be; several make a baseline
gate-baseline: gate-session
	$(PY) -m evalskip gate results/gate --baseline results/baseline.json \
		--history results/history.jsonl --add

gate-session: $(READY)
	$(PY) -m evalskip bench bench/gate.yaml --out results/gate
	@$(call suite,results/gate)

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

clean:
	rm -rf .venv .venv-* .llamafactory .smollm2 .deepspeed build dist .mypy_cache .ruff_cache .pytest_cache
