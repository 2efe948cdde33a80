"""What is to be said to people, kept as a value: a code and what it is about; words come later."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_Plain = bool | int | float | str | None


class Note(BaseModel):
    """One thing to say: ``report`` has the words of its code, in every language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(pattern=r"^[a-z][a-z0-9_.]*$", description="names what is said")
    parameters: dict[str, Note | list[Note | _Plain] | _Plain] = Field(
        default={}, description="what it is said of, by name; a note may hold others"
    )

    def __str__(self) -> str:
        return " ".join([self.code, *(f"{k}={_plain(v)}" for k, v in self.parameters.items())])


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def note(code: str, /, **parameters: Any) -> Note:
    """What is to be said, of what.

    Args:
        code: one of :data:`evalskip.report.words.notes.NOTES`, or of those of a study.
        **parameters: the names that its words hold.
    """
    return Note(code=code, parameters=parameters)
