"""One rank of a run on several processes (``python -m``, by torchrun).

``EVALSKIP_RANK`` holds, as JSON: ``runner``, the module whose function ``runner(settings)`` makes
a :class:`evalskip.inside.runner.Runner`; its ``settings``; ``evaluation_rows`` to prepare for;
``request``, the run to make, or null to see only whether the job can be prepared; ``report``, the
file into which the first rank writes the outcome; and ``failure``, the one for the rank that fails
first.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from evalskip.errors import InputError
from evalskip.inside.runner import end_with_parent, outcome_of_error

VARIABLE = "EVALSKIP_RANK"


def main() -> None:
    """Prepare the job and make one run of it."""
    end_with_parent()
    wanted = json.loads(os.environ[VARIABLE])
    if wanted["request"] is not None and os.getppid() == 1:
        sys.exit(1)  # torchrun ended before we could say so
    began = time.perf_counter_ns()
    try:
        runner = importlib.import_module(wanted["runner"]).runner(wanted["settings"])
        prepared = runner.prepare(wanted["evaluation_rows"])
        outcome: dict[str, Any] = {"status": "ok", "prepared": prepared}
        if wanted["request"] is not None:
            ready = time.perf_counter_ns()
            measured = runner.run(wanted["request"])
            setup = {"imports": ready - began, **measured["setup_ns"]}
            outcome["measured"] = {**measured, "setup_ns": setup}
    except InputError as error:
        outcome = {"status": "refused", "error": str(error)}
    except Exception as error:
        import traceback

        traceback.print_exc()
        outcome = outcome_of_error(error)
    if outcome["status"] != "ok":
        # others fail because of the first
        with suppress(FileExistsError):
            os.link(_written(outcome, wanted["failure"]), wanted["failure"])
        sys.exit(1)
    if int(os.environ.get("RANK", "0")) == 0:
        _written(outcome, wanted["report"]).replace(wanted["report"])


def _written(outcome: dict[str, Any], place: str) -> Path:
    """A file beside the place, which is then whole."""
    part = Path(place).with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(outcome))
    return part


if __name__ == "__main__":
    main()
