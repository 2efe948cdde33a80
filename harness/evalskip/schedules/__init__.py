"""When evaluation happens. One schedule per file; each file here is found by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from evalskip.registry import union
from evalskip.schedules.as_written import AsWritten
from evalskip.schedules.base import BaseSchedule
from evalskip.schedules.every_epoch import EveryEpoch
from evalskip.schedules.every_n_epochs import EveryNthEpoch
from evalskip.schedules.every_n_steps import EveryNSteps
from evalskip.schedules.final_only import FinalOnly
from evalskip.schedules.off import Off

if TYPE_CHECKING:
    Schedule = BaseSchedule
else:
    Schedule = union(__name__, __path__, BaseSchedule, "schedule")
    """Any schedule; its field ``schedule`` says which."""

ANY_SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)

__all__ = [
    "ANY_SCHEDULE",
    "AsWritten",
    "EveryEpoch",
    "EveryNSteps",
    "EveryNthEpoch",
    "FinalOnly",
    "Off",
    "Schedule",
]
