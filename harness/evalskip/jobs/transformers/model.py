"""What a spec may say of the model that is trained, and the configurations that come with us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from evalskip.errors import InputError
from evalskip.files import is_file

PACKAGED_MODELS = Path(__file__).with_name("models")


def packaged_models() -> list[str]:
    """Names of the configurations that come with the package."""
    return sorted(path.stem for path in PACKAGED_MODELS.glob("*.json"))


def fields_of(config: str, field: str) -> dict[str, Any]:
    """The fields of a configuration.

    Args:
        config: a packaged configuration's name, a ``config.json``, or a directory that holds one.
        field: where the user wrote it.

    Raises:
        InputError: there is none, or it is no configuration.
    """
    places = (PACKAGED_MODELS / f"{config}.json", Path(config, "config.json"), Path(config))
    path = next((place for place in places if is_file(place)), None)
    if path is None:
        raise InputError(
            f"{field}: expected one of {', '.join(packaged_models())}, or a directory that holds a "
            f"config.json, got {config}"
        )
    try:
        fields = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{field}: {path} is no JSON: {error}") from error
    if not isinstance(fields, dict) or "model_type" not in fields:
        raise InputError(f"{field}: {path}: expected a mapping with model_type")
    return fields


class Model(BaseModel):
    """A model with random weights, built from a configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: str = Field(description="a packaged configuration's name, or a directory with one")
    overrides: dict[str, JsonValue] = Field(
        default={}, description="fields of the configuration to set otherwise"
    )
    trust_remote_code: bool = Field(
        default=False, description="run code that comes with the model's directory"
    )
    dtype: Literal["float32", "bfloat16"] = Field(
        default="float32", description="type of the weights; bfloat16 also trains in it"
    )
    gradient_checkpointing: bool = Field(
        default=False, description="forget activations, and compute them again"
    )

    @field_validator("config")
    @classmethod
    def _exists(cls, config: str) -> str:
        if is_file(PACKAGED_MODELS / f"{config}.json") or is_file(Path(config, "config.json")):
            return config
        packaged = ", ".join(packaged_models())
        raise ValueError(f"expected one of {packaged}, or a directory that holds a config.json")

    def path(self) -> Path:
        """The file that holds the configuration."""
        packaged = PACKAGED_MODELS / f"{self.config}.json"
        return packaged if packaged.is_file() else Path(self.config, "config.json")

    def fields(self) -> dict[str, Any]:
        """The configuration's fields, overrides included."""
        return {**fields_of(self.config, "job.model.config"), **self.overrides}
