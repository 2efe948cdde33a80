"""Real English text as token rows, with nothing but ``tokenizers``."""

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
def token_rows(data: Data) -> list[list[int]]:
    """All rows that the text gives: up to ``length`` token ids each, in a fixed random order.

    Shuffled so that training and evaluation rows come from the same distribution. The
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
    rows = [ids[start : start + data.length] for start in starts]
    source = random.Random(SHUFFLE_SEED)
    source.shuffle(rows)
    if data.shortest is not None:
        rows = [row[: source.randint(data.shortest, data.length)] for row in rows]
    return rows


def rows_in(data: Data) -> int:
    """How many rows the text gives."""
    return len(token_rows(data))


def _read(text: str) -> list[str]:
    if text == "python-docs":
        from pydoc_data import topics

        return [topics.topics[name] for name in sorted(topics.topics)]
    try:
        return Path(text).read_text(encoding="utf-8", errors="replace").split("\n\n")
    except OSError as error:
        raise InputError(f"job.data.text: {text}: cannot be read: {error.strerror}") from None
