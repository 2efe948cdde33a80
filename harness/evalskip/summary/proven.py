"""Remedies that were run beside the job as it is."""

from __future__ import annotations

from pydantic import Field

from evalskip.summary.parts import Interval, Part


class LossesBeside(Part):
    """What the final weights lose on what two arms evaluate, in nats."""

    as_is: float = Field(description="of the arm as it is")
    remedied: float = Field(description="of the arm with the remedies")

    @property
    def change(self) -> float:
        """By the remedies."""
        return self.remedied - self.as_is


class ProvenRemedies(Part):
    """An arm with remedies against the same arm as it is, which it matches."""

    arm: str = Field(description="as it is")
    remedied: str = Field(description="the arm with remedies")
    blocks: int = Field(description="that hold both, and match")
    share: float = Field(description="evaluate / T of the arm as it is, mean over runs")
    remedied_share: float = Field(description="the same with the remedies")
    cost_ratio: Interval = Field(
        description="what evaluation takes with the remedies over what it takes without, from runs "
        "of the same blocks, each in units of its own training steps"
    )
    predicted_share: Interval | None = Field(
        default=None, description="with the remedies, by a pilot; null: none was made"
    )
    batch_means: LossesBeside | None = Field(
        default=None, description="as eval_loss is told: it depends on the batches"
    )
    sample_means: LossesBeside | None = Field(
        default=None, description="mean over samples; null: losses cannot be told by sample"
    )
    samples: tuple[int, int] | None = Field(
        default=None, description="that the losses are of, as it is and with the remedies"
    )
