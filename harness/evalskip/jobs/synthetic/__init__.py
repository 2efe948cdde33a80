"""A job of known costs, for testing the harness itself."""

from evalskip.jobs.synthetic.settings import SyntheticJob

__all__ = ["SyntheticJob"]
