"""LLaMA-Factory's own ``train`` with callbacks of ours, on one process or on several.

It takes callbacks from Python alone, and where it starts torchrun, each rank begins anew with a
file of its own (``llamafactory/launcher.py``): so that file is this one. All else is left to it.
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path

VARIABLE = "EVALSKIP_CALLBACKS"
"""Environment variable that holds, as JSON, names of callbacks and their arguments."""


def main() -> None:
    """Train as ``llamafactory-cli train`` with the arguments that follow."""
    # a file that is run finds its neighbours first, and one of ours has the name of a package
    if sys.path and Path(sys.path[0] or ".").resolve() == Path(__file__).resolve().parent:
        del sys.path[0]
    from llamafactory.train import tuner

    from evalskip.beside.process import VARIABLE as OF_WORKER
    from evalskip.callbacks import made_of

    if OF_WORKER in os.environ:  # it begins as training does, in whose folder something is by now
        sys.argv.append("overwrite_output_dir=true")

    tuner.run_exp = partial(tuner.run_exp, callbacks=made_of(json.loads(os.environ[VARIABLE])))
    if "TORCHELASTIC_RUN_ID" in os.environ:
        tuner.run_exp()
        return
    from llamafactory import cli, launcher

    launcher.__file__ = __file__
    sys.argv.insert(1, "train")
    cli.main()


if __name__ == "__main__":
    main()
