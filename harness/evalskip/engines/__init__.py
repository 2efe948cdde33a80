"""Where blocks run."""

from evalskip.engines.local import LocalEngine

__all__ = ["LocalEngine"]
