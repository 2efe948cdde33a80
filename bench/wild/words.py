"""What the map's kinds of runs and of evaluation are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalskip.public import EvaluationKind, GroupId

NAMES: dict[GroupId, str] = {
    "mlperf_lora": "MLPerf, LoRA",
    "mlperf": "MLPerf, all",
    "peft": "PEFT, generates",
    "algoperf": "AlgoPerf",
    "community": "community",
}
UNITS: dict[GroupId, str] = {
    "mlperf_lora": "systems",
    "mlperf": "systems and benchmarks",
    "peft": "experiments",
    "algoperf": "workloads",
    "community": "repositories",
}
COST_NAMES: dict[EvaluationKind, str] = {
    "loss": "loss alone",
    "metric": "loss and metric",
    "generate": "generates",
}
