"""What a user may write: a job, arms, a design, limits."""

from evalskip.spec.arms import OFF, OFF_AGAIN, Arm, written
from evalskip.spec.experiment import Spec
from evalskip.spec.load import load_spec

__all__ = ["OFF", "OFF_AGAIN", "Arm", "Spec", "load_spec", "written"]
