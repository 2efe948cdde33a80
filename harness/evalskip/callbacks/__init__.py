"""Callbacks for anybody's own training script; they need transformers alone."""

from evalskip.callbacks.at_the_last_step import AtTheLastStep
from evalskip.callbacks.every_n_epochs import EveryNEpochs

__all__ = ["AtTheLastStep", "EveryNEpochs"]
