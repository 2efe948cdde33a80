"""When evaluation happens. One schedule per file; each file here is found by itself."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field, TypeAdapter

from evalskip.schedules.as_written import AsWritten
from evalskip.schedules.base import BaseSchedule
from evalskip.schedules.every_epoch import EveryEpoch
from evalskip.schedules.every_n_epochs import EveryNEpochs
from evalskip.schedules.every_n_steps import EveryNSteps
from evalskip.schedules.final_only import FinalOnly
from evalskip.schedules.off import Off

if TYPE_CHECKING:
    Schedule = BaseSchedule
else:
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    del module
    Schedule = Annotated[
        Union[tuple(BaseSchedule.__subclasses__())],  # noqa: UP007
        Field(discriminator="schedule"),
    ]
    """Any schedule; its field ``schedule`` says which."""

ANY_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)

__all__ = [
    "ANY_SCHEDULE",
    "AsWritten",
    "EveryEpoch",
    "EveryNEpochs",
    "EveryNSteps",
    "FinalOnly",
    "Off",
    "Schedule",
]
