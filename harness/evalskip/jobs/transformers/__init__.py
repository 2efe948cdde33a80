"""The built-in job: a causal language model trained by the real ``transformers.Trainer``."""

from evalskip.jobs.transformers.settings import TransformersJob

__all__ = ["TransformersJob"]
