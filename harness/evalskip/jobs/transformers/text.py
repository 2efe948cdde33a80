"""Real English text as token samples, with nothing but ``tokenizers``."""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from evalskip.errors import InputError

if TYPE_CHECKING:
    from evalskip.jobs.transformers.data import Data

SHUFFLE_SEED = 0


@lru_cache(maxsize=1)
def token_samples(data: Data) -> list[list[int]]:
    """All samples that the text gives: up to ``length`` token ids each, in a fixed random order.

    Shuffled so that training and evaluation samples come from the same distribution. The
    byte-level BPE tokenizer is trained on the text itself.
    """
    text = _read(data.text)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=data.vocabulary, special_tokens=["<end>"], show_progress=False
    )
    tokenizer.train_from_iterator(text, trainer)
    ids = [i for piece in tokenizer.encode_batch(text) for i in piece.ids]
    starts = range(0, len(ids) - data.length + 1, data.length)
    samples = [ids[start : start + data.length] for start in starts]
    source = random.Random(SHUFFLE_SEED)
    source.shuffle(samples)
    if data.shortest is not None:
        samples = [sample[: source.randint(data.shortest, data.length)] for sample in samples]
    return samples


def samples_in(data: Data) -> int:
    """How many samples the text gives."""
    return len(token_samples(data))


def _read(text: str) -> list[str]:
    if text == "python-docs":
        from pydoc_data import topics

        return [topics.topics[name] for name in sorted(topics.topics)]
    try:
        return Path(text).read_text(encoding="utf-8", errors="replace").split("\n\n")
    except OSError as error:
        raise InputError(f"job.data.text: {text}: cannot be read: {error.strerror}") from None
