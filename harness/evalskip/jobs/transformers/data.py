"""What a spec may say of the data that is trained on."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from evalskip.files import is_file


class Data(BaseModel):
    """Real text, cut into samples."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(
        default="python-docs",
        description="`python-docs` (ships with Python), or the path of a text file",
    )
    train_samples: int = Field(ge=1, description="samples that every arm trains on")
    length: int = Field(default=128, ge=2, description="tokens in a row")
    shortest: int | None = Field(
        default=None,
        ge=2,
        description="tokens of the shortest sample, up to `length` evenly; unset: all have it",
    )
    vocabulary: int = Field(
        default=2048, ge=258, description="entries of the tokenizer trained on the text"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Data:
        if self.shortest is not None and self.shortest > self.length:
            raise ValueError(
                f"shortest: expected at most {self.length}, the length, got {self.shortest}"
            )
        return self

    @field_validator("text")
    @classmethod
    def _exists(cls, text: str) -> str:
        if text != "python-docs" and not is_file(Path(text)):
            raise ValueError("expected python-docs, or the path of a text file that exists")
        return text
