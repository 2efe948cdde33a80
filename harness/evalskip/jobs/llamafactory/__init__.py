"""A user's own LLaMA-Factory job, run by the real LLaMA-Factory."""

from evalskip.jobs.llamafactory.settings import LlamaFactoryJob

__all__ = ["LlamaFactoryJob"]
