"""Callbacks for anybody's own training script; they need torch and transformers alone."""

from evalskip.callbacks.at_the_last_step import AtTheLastStep
from evalskip.callbacks.eval_beside import EvalBeside
from evalskip.callbacks.eval_budget import EvalBudget
from evalskip.callbacks.eval_cost import EvalCost
from evalskip.callbacks.eval_subset import EvalSubset
from evalskip.callbacks.evaluate_checkpoints import EvaluateCheckpoints
from evalskip.callbacks.every_n_epochs import EveryNEpochs
from evalskip.callbacks.named import made_of
from evalskip.callbacks.ranks_agree import RanksAgree
from evalskip.callbacks.sort_by_length import SortByLength

__all__ = [
    "AtTheLastStep",
    "EvalBeside",
    "EvalBudget",
    "EvalCost",
    "EvalSubset",
    "EvaluateCheckpoints",
    "EveryNEpochs",
    "RanksAgree",
    "SortByLength",
    "made_of",
]
