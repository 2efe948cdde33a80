"""When evaluation happens. One schedule per file; a new one is added to :data:`Schedule`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from evalskip.schedules.as_written import AsWritten
from evalskip.schedules.every_epoch import EveryEpoch
from evalskip.schedules.every_n_epochs import EveryNEpochs
from evalskip.schedules.every_n_steps import EveryNSteps
from evalskip.schedules.final_only import FinalOnly
from evalskip.schedules.off import Off

Schedule = Annotated[
    AsWritten | Off | EveryEpoch | EveryNEpochs | EveryNSteps | FinalOnly,
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
