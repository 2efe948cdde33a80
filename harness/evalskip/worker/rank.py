"""One rank of a run on several processes (``python -m``, by torchrun).

``EVALSKIP_RANK`` holds, as JSON: ``runner``, the module whose function ``runner(settings)`` makes
a :class:`evalskip.worker.runner.Runner`; its ``settings``; ``evaluation_samples`` to prepare for;
``request``, the run to make, or null to see only whether the job can be prepared; ``report``, where
each rank writes what it measured, or what was prepared; and ``failure``, the file for the rank that
fails first.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from evalskip.errors import InputError
from evalskip.probe.report import write_report
from evalskip.worker.runner import end_with_parent, outcome_of_error, runner_of

VARIABLE = "EVALSKIP_RANK"


def main() -> None:
    """Prepare the job and make one run of it."""
    end_with_parent()
    assignment = json.loads(os.environ[VARIABLE])
    if assignment["request"] is not None and os.getppid() == 1:
        sys.exit(1)  # torchrun ended before we could say so
    try:
        report = _report_of(assignment)
    except InputError as error:
        _fail(assignment["failure"], {"status": "refused", "error": str(error)})
    except Exception as error:
        import traceback

        traceback.print_exc()
        _fail(assignment["failure"], outcome_of_error(error))
    write_report(Path(assignment["report"]), report)
    _leave_together()


def _report_of(assignment: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter_ns()
    runner = runner_of(assignment)
    prepared: dict[str, Any] = runner.prepare(assignment["evaluation_samples"])
    request = assignment["request"]
    if request is None:
        return prepared
    ready = time.perf_counter_ns()
    request["arguments"] |= request["by_rank"].get(os.environ["RANK"], {})
    measured: dict[str, Any] = runner.run(request)
    # a rank prepares for one run alone: its evaluation set is no other's
    parts = {name.partition(":")[0]: ns for name, ns in prepared["setup_ns"].items()}
    parts["imports"] = parts.get("imports", 0) + ready - began - sum(parts.values())
    return {**measured, "setup_ns": parts | measured["setup_ns"]}


def _fail(place: str, outcome: dict[str, Any]) -> NoReturn:
    part = Path(place).with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(outcome))
    # others fail because of the first
    with suppress(FileExistsError):
        os.link(part, place)
    # a rank that waits for this one must not keep it from ending
    _exit(1)


def _leave_together() -> NoReturn:
    """End as the last rank does: one that loses its peers while it ends aborts (gloo)."""
    dist: Any = sys.modules.get("torch.distributed")
    if dist is not None and dist.is_available() and dist.is_initialized():
        with suppress(Exception):
            dist.barrier()
    _exit(0)


def _exit(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
