"""What evaluation costs a fine-tuning job, measured on matched runs."""

from evalskip.probe.loop import phase

__all__ = ["__version__", "phase"]

__version__ = "0.1.0"
