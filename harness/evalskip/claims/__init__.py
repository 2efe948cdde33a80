"""The article's claims: what each says, and how it is judged. One file per claim."""

from __future__ import annotations

from evalskip.claims import speed

CLAIMS = (speed,)
"""Each has ``ID``, ``SAYS``, and ``judge(summary) -> Claim``."""

__all__ = ["CLAIMS", "speed"]
