# The tables of results/reference: what the method, the gate and predict were shown to hold.

.PHONY: simulate simulate-stopping simulate-gate gate-tries stopwatch \
	simulate-subset remedies beside instrumentation validate validate-logs regret-logs gate-history spacing eval-budget wild wild-raw

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
	$(PY) bench/beside_neighbour.py

# what the probe costs a train step; about three minutes
instrumentation: $(READY)
	$(PY) bench/instrumentation.py

# what evalskip predict says, beside what whole runs then take; about half an hour on a
# machine that does nothing else
validate: $(READY)
	$(PY) bench/validate.py

# what evalskip predict says of real GPU runs from their first evaluations, beside what the rest
# took, from the figures in results/reference/wild; seconds
validate-logs: $(READY)
	PYTHONPATH=bench:$$PYTHONPATH $(PY) bench/validate_logs.py $(ARGS)

# the gate on two years of PEFT's own benchmark, from the figures in results/reference/wild; seconds
gate-history: $(READY)
	$(PY) bench/gate_history.py $(ARGS)

# what sparser evaluation would have kept in public runs, from raw logs, which are not in this
# repository: make regret-logs LOGS=folder
regret-logs: $(READY)
	@test -n "$(LOGS)" || { echo "make regret-logs LOGS=folder"; exit 2; }
	$(PY) bench/regret_logs.py $(LOGS)

# how often to evaluate where training stops by its evaluations: replays of those runs, and trainings
# at five spacings; about a quarter of an hour
spacing: $(READY)
	PYTHONPATH=bench:$$PYTHONPATH $(PY) bench/spacing.py $(ARGS)

# what share of the time EvalBudget takes, alone and beside a neighbour; about ten minutes
eval-budget: $(READY)
	$(PY) bench/eval_budget.py

# what evaluation costs in public runs, and what of it the package ships, from the figures in
# results/reference/wild; seconds
wild: $(READY)
	$(PY) bench/wild/make_map.py

# such figures, from raw logs, which are not in this repository: make wild-raw LOGS=folder
wild-raw: $(READY)
	@test -n "$(LOGS)" || { echo "make wild-raw LOGS=folder"; exit 2; }
	$(PY) bench/wild/raw.py "$(LOGS)" --out results/wild/runs.csv

# runs that EvalSubset(wrong=0.05) gets wrong, and what it saves; about a quarter of an hour
simulate-subset: $(READY) results/overfit/.done
	$(PY) bench/simulate_subset.py --curves results/overfit $(ARGS)

# what predict finds to make evaluation cheaper, run beside the job as it is; about an hour
remedies: $(READY) .smollm2/.ready .venv-llamafactory-0.9.5/.ready
	$(PY) -m evalskip bench bench/remedies/fixed.yaml --remedies --out results/remedies-fixed
	$(PY) -m evalskip bench bench/remedies/varied.yaml --remedies --out results/remedies-varied
	$(PY) -m evalskip bench bench/remedies/stock.yaml --remedies \
		--python .venv-llamafactory-0.9.5/bin/python --out results/remedies-stock
