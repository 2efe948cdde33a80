"""How it is found out what sparser evaluation would have missed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RegretDesign(BaseModel):
    """The design of ``evalskip regret``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seeds: int = Field(
        default=6, ge=6, description="densely evaluated runs, each with a seed of its own"
    )
    test_samples: int = Field(
        default=128, ge=8, description="samples that choose nothing, on which regret is measured"
    )
    holdout: float = Field(
        default=0.1,
        gt=0,
        lt=0.5,
        description="of the training samples, the share that is held back; all of them, half and a "
        "tenth may stand for an evaluation set",
    )
    margin: float = Field(
        default=0.02,
        ge=0,
        allow_inf_nan=False,
        description="overfitting is noticed where two evaluations in a row lie so far above the "
        "best, in nats",
    )
    patience: int = Field(
        default=3, ge=1, description="evaluations without a new best after which training stops"
    )
    regret: float = Field(
        default=0.01,
        gt=0,
        allow_inf_nan=False,
        description="nats that may be lost, for the recommendation",
    )
