"""What evaluation costs a fine-tuning job, measured on matched runs."""

__version__ = "0.1.0"
