"""Becomes one rank of a user's script, which ends with torchrun (``python -m``, by torchrun)."""

from __future__ import annotations

import os
import sys

from evalskip.worker.runner import end_with_parent


def main() -> None:
    """Run the command that the arguments are, in this very process."""
    end_with_parent()
    if os.getppid() == 1:
        sys.exit(1)  # torchrun ended before we could say so
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
