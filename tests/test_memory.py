"""Peaks on fake tensors: what is foretold must be what real runs take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from evalskip.errors import InputError
from evalskip.jobs.transformers.model import Model
from evalskip.memory.fake import FakeJob
from evalskip.memory.model import built
from evalskip.memory.peaks import TOLERANCE, Setting
from support import trials_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 2**20
PUBLIC = {
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.1-8b": 8_030_261_248,
    "qwen3-0.6b": 596_049_920,
    "qwen3-4b": 4_022_468_096,
    "qwen3-8b": 8_190_735_360,
}
"""Parameters, as the models' authors publish them."""
ONCE = 40 * MIB
"""What a process takes beside its tensors, whatever their size: stacks, libraries."""


@pytest.mark.parametrize("name", PUBLIC)
def test_packaged_models_have_their_public_size(name: str) -> None:
    from evalskip.memory.fake import FakeJob
    from evalskip.memory.peaks import Setting

    assert FakeJob(Setting(Model(config=name).fields())).parameters == PUBLIC[name]


@pytest.mark.slow
@pytest.mark.parametrize(("finetuning", "checkpointing"), [("full", False), ("lora", True)])
@pytest.mark.nightly
def test_foretold_peaks_are_what_real_runs_take(
    finetuning: Any,
    checkpointing: bool,
    write_spec: Callable[..., Path],
    tmp_path: Path,
    evalskip: Callable[..., Any],
) -> None:
    from evalskip.memory.fake import FakeJob
    from evalskip.memory.peaks import Setting

    model = {
        "config": "small-llama",
        "dtype": "bfloat16",
        "gradient_checkpointing": checkpointing,
    }
    job = {
        "kind": "transformers",
        "model": model,
        "data": {"train_samples": 16, "length": 256},
        "finetuning": finetuning,
        "epochs": 1,
        "train_batch": 6,
        "evaluation_batch": 12,
    }
    path = write_spec(
        arms=[{"schedule": "every_epoch", "evaluation_samples": 12}],
        replace={"job": job, "limits": {"memory": "160MiB", "beyond_process": True}},
    )
    ended = evalskip("headroom", path, "--out", tmp_path / "out", "--no-timing")
    assert ended.returncode == 0, ended.stderr
    trials = trials_of(tmp_path / "out")
    fake = FakeJob(
        Setting(Model(**model).fields(), finetuning, gradient_checkpointing=checkpointing)
    )
    trained = {t["batch"]: t for t in trials if t["fits"] and not t["evaluates"]}
    assert len(trained) >= 2
    for batch, trial in trained.items():
        measured = trial["peak_bytes"] - trial["base_bytes"]
        foretold = fake.train(batch, 256).total
        assert abs(foretold - measured) < TOLERANCE * measured + ONCE
    few, many = min(trained), max(trained)
    measured = trained[many]["peak_bytes"] - trained[few]["peak_bytes"]
    foretold = fake.train(many, 256).total - fake.train(few, 256).total
    assert foretold == pytest.approx(measured, rel=TOLERANCE)
    alone = next(trial for trial in trials if trial["evaluates"] and trial["batch"] == 1)
    measured = alone["peak_bytes"] - alone["base_bytes"]
    foretold = fake.evaluate(12, 256).total
    assert abs(foretold - measured) < TOLERANCE * measured + ONCE


def test_a_plan_for_a_card_that_is_not_there(evalskip: Callable[..., Any]) -> None:
    ended = evalskip(
        "headroom", "--model", "small-llama", "--device-memory", "2 GiB", "--length", "512"
    )
    assert ended.returncode == 0, ended.stderr
    assert "lora, rank 8, gradient checkpointing" in ended.stdout
    largest = re.search(r"^ full +(\d+) +(\d+) +train +(\d+) *$", ended.stdout, re.MULTILINE)
    assert largest, ended.stdout
    assert int(largest[1]) == int(largest[2]) < int(largest[3])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--model", "qwen9"], "--device-memory: missing"),
        (["--device-memory", "80GiB"], "--device-memory: expected --model"),
        (["--model", "qwen9", "--device-memory", "80GiB"], "--model: expected one of"),
        (["--model", "qwen3-8b", "--device-memory", "80 cows"], "--device-memory: expected a size"),
        (["--model", "qwen3-8b", "--device-memory", "80GiB", "--length", "0"], "--length"),
    ],
)
def test_what_cannot_be_planned_is_told_in_one_line(
    evalskip: Callable[..., Any], options: list[str], error: str
) -> None:
    ended = evalskip("headroom", *options)
    assert ended.returncode == 2
    assert error in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


GPT2 = {"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 2, "vocab_size": 512}
BART = {
    "model_type": "bart",
    "architectures": ["BartForConditionalGeneration"],
    "vocab_size": 512,
    "d_model": 64,
    **{f"{side}_layers": 2 for side in ("encoder", "decoder")},
    **{f"{side}_attention_heads": 2 for side in ("encoder", "decoder")},
    **{f"{side}_ffn_dim": 128 for side in ("encoder", "decoder")},
}
LLAMA = {
    "model_type": "llama",
    "vocab_size": 512,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (GPT2, "GPT2LMHeadModel"),
        (BART, "BartForConditionalGeneration"),
        (
            {**LLAMA, "architectures": ["LlamaForSequenceClassification"], "pad_token_id": 0},
            "LlamaForSequenceClassification",
        ),
        ({**LLAMA, "architectures": ["LlamaForCausalLM"]}, "LlamaForCausalLM"),
        (
            {"model_type": "llava", "architectures": ["LlamaForCausalLM"], "text_config": LLAMA},
            "LlamaForCausalLM",
        ),
        (
            {
                "model_type": "t5",
                "vocab_size": 512,
                "d_model": 64,
                "d_ff": 128,
                "num_layers": 2,
                "decoder_start_token_id": 0,
                "pad_token_id": 0,
            },
            "T5ForConditionalGeneration",
        ),
    ],
)
def test_a_model_is_planned_as_what_its_configuration_names(
    fields: dict[str, Any], named: str
) -> None:
    for finetuning in ("full", "lora"):
        setting = Setting(fields, finetuning)  # type: ignore[arg-type]
        job = FakeJob(setting)
        real, _ = built(setting)
        assert type(real.base_model.model if finetuning == "lora" else real).__name__ == named
        assert job.parameters == sum(each.numel() for each in real.parameters())
        assert job.train(2, 16).total > job.evaluate(2, 16).total > job.resident_bytes / 2


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({**LLAMA, "quantization_config": {"bits": 4}}, "quantization_config: a quantised model"),
        ({"model_type": "whisper"}, "--model: whisper: is not planned"),
        (
            {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]},
            "--model: WhisperForConditionalGeneration: is not planned",
        ),
        ({"model_type": "vit", "architectures": ["ViTForImageClassification"]}, "is not planned"),
        (
            {
                "model_type": "llava",
                "architectures": ["LlavaForConditionalGeneration"],
                "text_config": LLAMA,
                "vision_config": {"model_type": "clip_vision_model"},
            },
            "--model: LlavaForConditionalGeneration: is not planned",
        ),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "is not planned"),
        ({**LLAMA, "num_attention_heads": 7}, "expected the configuration of a model that can"),
    ],
)
def test_a_model_that_is_not_planned_is_refused_in_one_short_line(
    fields: dict[str, Any], error: str
) -> None:
    with pytest.raises(InputError, match=re.escape(error)) as raised:
        FakeJob(Setting(fields))
    assert len(str(raised.value)) <= 300


def test_attention_drops_out_as_on_cuda() -> None:
    def peak(**dropout: float) -> int:
        return FakeJob(Setting({**GPT2, **dropout})).train(4, 256).total

    # CUDA's kernels keep no mask of all that attends to all
    assert peak(attn_pdrop=0.1) == peak(attn_pdrop=0.0)
    # other masks are kept
    assert peak(resid_pdrop=0.1) > peak(resid_pdrop=0.0)


def test_a_configuration_that_does_not_parse_is_told_in_one_line(
    tmp_path: Path, evalskip: Callable[..., Any]
) -> None:
    for text, error in (
        ("{", "is no JSON"),
        ("{}", "expected a mapping with model_type"),
        ('{"model_type": "sheep"}', "--model: sheep: is not planned; expected a causal language"),
    ):
        (tmp_path / "config.json").write_text(text)
        ended = evalskip("headroom", "--model", tmp_path, "--device-memory", "80GiB")
        assert ended.returncode == 2
        assert error in ended.stderr
        assert len(ended.stderr.splitlines()) == 1
