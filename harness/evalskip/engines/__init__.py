"""Where blocks run: on this machine, on a Ray cluster, on Slurm. One engine per file.

An engine's module has the class ``ENGINE`` and its ``Options``, what a user may say of it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from pydantic import ValidationError

from evalskip.engines.base import Engine
from evalskip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from evalskip.probe.measured import Prepared
    from evalskip.spec import Spec

_SHARED = {"base", "recording", "remote"}
ENGINES = sorted({module.name for module in iter_modules(__path__)} - _SHARED)
"""By name; none is imported before it is asked for, since it may need what is not installed."""


def engine_for(
    name: str,
    options: Mapping[str, str],
    spec: Spec,
    logs: Path,
    on_ready: Callable[[Prepared], None],
) -> Engine:
    """An engine, ready for blocks.

    Args:
        name: one of ``ENGINES``.
        options: of the engine, by name, as a user wrote them.
        spec: of the experiment.
        logs: an existing folder for what the runs print.
        on_ready: called with what a block's parent prepared.

    Raises:
        InputError: there is no such engine or option, or it is not there, or nothing there has
            what a block needs.
    """
    if name not in ENGINES:
        raise InputError(f"--engine {name}: expected one of {', '.join(ENGINES)}")
    module = import_module(f"{__name__}.{name}")
    try:
        parsed = module.Options.model_validate(dict(options))
    except ValidationError as error:
        problem = error.errors()[0]
        field = problem["loc"][0]
        expected = ", ".join(module.Options.model_fields) or "none"
        if problem["type"] == "extra_forbidden":
            raise InputError(
                f"--engine-option {field}: unknown with --engine {name}; expected {expected}"
            ) from None
        raise InputError(f"--engine-option {field}: {problem['msg']}") from None
    engine: Engine = module.ENGINE(spec, logs, on_ready, parsed)
    return engine


__all__ = ["ENGINES", "Engine", "engine_for"]
