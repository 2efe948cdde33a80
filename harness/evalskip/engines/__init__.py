"""Where blocks run: on this machine, on a Ray cluster, on Slurm. One engine per file.

An engine's module has the class ``ENGINE`` and its ``Options``, what a user may say of it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from pydantic import ValidationError

from evalskip.engines.base import Engine
from evalskip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalskip.probe.measured import Prepared
    from evalskip.spec import Spec

_SHARED = {"base", "recording", "remote"}
ENGINES = sorted({module.name for module in iter_modules(__path__)} - _SHARED)
"""By name; none is imported before it is asked for, since it may need what is not installed."""


EngineMaker = Callable[["Spec", "Path", Callable[["Prepared"], None]], Engine]
"""Makes an engine, of a spec, an existing folder for what runs print, and what to call with what a
block's parent prepared; an InputError: nothing there has what a block needs."""


def engine_for(name: str, options: Mapping[str, str]) -> EngineMaker:
    """What makes an engine, once its options are known to be right.

    Args:
        name: one of ``ENGINES``.
        options: of the engine, by name, as a user wrote them.

    Raises:
        InputError: there is no such engine or option, or what it needs is not installed.
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

    def make(spec: Spec, logs: Path, on_ready: Callable[[Prepared], None]) -> Engine:
        engine: Engine = module.ENGINE(spec, logs, on_ready, parsed)
        return engine

    return make


__all__ = ["ENGINES", "Engine", "EngineMaker", "engine_for"]
