"""A LLaMA-Factory configuration as it is, made into a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from evalskip.spec.arms import OFF, OFF_AGAIN, entry_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def is_llamafactory(document: Mapping[str, Any]) -> bool:
    """Whether a file is one of LLaMA-Factory's and not one of ours."""
    return "model_name_or_path" in document and "stage" in document


def as_llamafactory_reads(text: str, document: dict[str, Any]) -> dict[str, Any]:
    """The values as LLaMA-Factory sees them.

    It reads YAML 1.1, to which an unquoted ``no`` is false, but numbers such as ``1e-4`` as YAML
    1.2 does.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    old = yaml.load(text)
    booleans = {key: value for key, value in old.items() if isinstance(value, bool)}
    return {**document, **booleans}


def spec_of(document: dict[str, Any], arms: Sequence[str]) -> dict[str, Any]:
    """A spec, as a file of ours would say it.

    Args:
        document: LLaMA-Factory's own keys.
        arms: by name, those that are always there included or not; without any, ``as_written``,
            and the schedules that the job's length allows.
    """
    names = list(arms) or _usual_arms(document)
    return {
        "job": {"kind": "llamafactory", "settings": document},
        "arms": [entry_of(name) for name in names if name not in (OFF, OFF_AGAIN)],
    }


def _usual_arms(document: Mapping[str, Any]) -> list[str]:
    counts_steps = document.get("streaming") or document.get("max_steps", -1) != -1
    return ["as_written", "final_only"] + ([] if counts_steps else ["every_epoch"])
