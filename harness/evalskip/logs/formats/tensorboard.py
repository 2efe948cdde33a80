"""TensorBoard's event files, read by the package ``tensorboard``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalskip.logs.entries import RunBuilder
from evalskip.logs.files import UnfitLog
from evalskip.logs.finished import FinishedRun, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalskip.logs.files import LogFile

FORMAT, PLACE = "TensorBoard events", 0


def matches(file: LogFile) -> bool:
    """Whether its first record is the version of an event file."""
    return b"brain.Event:" in file.head[:64]


def read(file: LogFile) -> list[FinishedRun]:
    """The run, from what a reporter wrote of each log entry.

    Raises:
        UnfitLog: the package is not there, or the file cannot be read.
    """
    try:
        from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
        from tensorboard.compat.proto.event_pb2 import Event
    except ImportError:
        raise UnfitLog(
            f"{file.path}: TensorBoard events; expected the package tensorboard to read them "
            "(pip install 'evalskip[tensorboard]')"
        ) from None
    builder = RunBuilder(Source(file.path, FORMAT), is_own=True)
    try:
        for entry in _entries(RawEventFileLoader(file.path).Load(), Event):
            builder.add(entry)
    except (ValueError, OSError, TypeError) as error:
        raise UnfitLog(f"{file.path}: cannot be read: {error}") from None
    except Exception as error:  # its readers raise errors of their own, cut-off files included
        if type(error).__module__.partition(".")[0] not in ("tensorboard", "google"):
            raise
        raise UnfitLog(f"{file.path}: cannot be read: {error}") from None
    return builder.runs()


def _entries(raw: Iterator[bytes], event_type: Any) -> Iterator[dict[str, float]]:
    """Values that were written for one step, one after another, put together again."""
    entry: dict[str, float] = {}
    for record in raw:
        event = event_type.FromString(record)
        for value in event.summary.value:
            number = _number(value)
            if number is None:
                continue
            if entry and (entry["step"] != event.step or value.tag in entry):
                yield entry
                entry = {}
            entry["step"] = float(event.step)
            entry[value.tag] = number
            if value.tag == "train/epoch" or value.tag == "epoch":
                entry["epoch"] = number
                yield entry
                entry = {}
    if entry:
        yield entry


def _number(value: Any) -> float | None:
    """Of a scalar, as either version of the format has it."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind == "tensor" and not value.tensor.tensor_shape.dim:
        tensor = value.tensor
        if tensor.float_val:
            return float(tensor.float_val[0])
        if tensor.double_val:
            return float(tensor.double_val[0])
    return None
