"""Callbacks for anybody's own training script; they need transformers alone."""

from evalskip.callbacks.every_n_epochs import EveryNEpochs

__all__ = ["EveryNEpochs"]
