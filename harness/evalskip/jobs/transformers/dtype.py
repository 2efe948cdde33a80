"""The type of a model's weights, as every release of transformers takes it."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from packaging.version import Version

if TYPE_CHECKING:
    import torch


def typed(dtype: torch.dtype) -> dict[str, torch.dtype]:
    """The argument that sets the type of the weights; transformers renamed it in 4.56."""
    is_new = Version(metadata.version("transformers")) >= Version("4.56")
    return {"dtype" if is_new else "torch_dtype": dtype}
