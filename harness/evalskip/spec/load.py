"""From a YAML file and ``--set`` options to a spec, or to one line that says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from evalskip.errors import InputError
from evalskip.spec.experiment import Spec
from evalskip.spec.explain import explain
from evalskip.spec.llamafactory import as_llamafactory_reads, is_llamafactory, spec_of
from evalskip.spec.regret import RegretDesign

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def load_spec(
    path: Path,
    *,
    settings: Sequence[str] = (),
    arms: Sequence[str] = (),
    python: str | None = None,
    elsewhere: bool = False,
    **design: Any,
) -> Spec:
    """Read and check a spec, or make one of a LLaMA-Factory configuration as it is.

    Args:
        path: a YAML file; YAML 1.2, no tags that load code.
        settings: ``key=value`` with a dotted key of the file, such as ``job.epochs=3``.
        arms: names of arms to keep, ``every_n_epochs:5@128``, or of schedules, which keep all
            their sizes; none keeps all. Of a LLaMA-Factory configuration: the arms.
        python: the interpreter that a job of the user's own needs.
        elsewhere: whether it will be run on other machines, which then check what they have.
        **design: fields of ``design`` to set; None leaves a field as it is.

    Raises:
        InputError: naming the file, the field and what is expected.
    """
    document = _read(path)
    for setting in settings:
        _apply(document, setting)
    if is_llamafactory(document):
        document, arms = spec_of(document, arms), ()
    if python is not None and isinstance(document["job"], dict):
        document["job"]["python"] = python
    design = {key: value for key, value in design.items() if value is not None}
    if design:
        section = document.setdefault("design", {})
        if isinstance(section, dict):
            section.update(design)
    try:
        spec = Spec.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    spec = _keep(spec, arms) if arms else spec
    if elsewhere:
        return spec
    try:
        spec.job.check(spec.largest_evaluation())
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return spec


def regret_design(settings: Sequence[str]) -> RegretDesign:
    """The ``regret:`` section by itself, of settings such as ``regret.margin=0.05``.

    Raises:
        InputError: a setting is of another section, or wrong.
    """
    document: dict[str, Any] = {"regret": {}}
    for setting in settings:
        if not setting.startswith("regret."):
            raise InputError(f"--set {setting}: expected regret.KEY=value with a past run's log")
        _apply(document, setting)
    try:
        return RegretDesign.model_validate(document["regret"])
    except ValidationError as error:
        raise InputError(f"--set {explain(error, 'regret')}") from None


def read_yaml(text: str) -> Any:
    """A YAML 1.2 document as plain Python values."""
    return YAML(typ="safe", pure=True).load(text)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a spec in YAML") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected a file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no text; expected a spec in YAML") from None
    try:
        document = read_yaml(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise InputError(f"{path}: {where}not YAML: {error.problem or error.context}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not YAML: {error}") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: expected a mapping with job: and arms:")
    ours, theirs = "job" in document, is_llamafactory(document)
    if ours and theirs:
        raise InputError(f"{path}: expected either job: or LLaMA-Factory's own keys, got both")
    if not ours and not theirs:
        raise InputError(
            f"{path}: job: missing; expected a job with its kind, or a LLaMA-Factory "
            "configuration with model_name_or_path and stage"
        )
    return as_llamafactory_reads(text, document) if theirs else document


def _apply(document: dict[str, Any], setting: str) -> None:
    key, separator, text = setting.partition("=")
    if not separator or not key:
        raise InputError(f"--set {setting}: expected key=value, such as job.epochs=3")
    try:
        value = read_yaml(text)
    except (YAMLError, ValueError):
        raise InputError(f"--set {setting}: the value is not YAML") from None
    *parents, last = key.split(".")
    place: Any = document
    for parent in parents:
        if isinstance(place, list) and parent.isdecimal() and int(parent) < len(place):
            place = place[int(parent)]
        elif isinstance(place, dict):
            place = place.setdefault(parent, {})
        else:
            raise InputError(f"--set {setting}: {parent}: there is no such place in the spec")
    if isinstance(place, list) and last.isdecimal() and int(last) < len(place):
        place[int(last)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise InputError(f"--set {setting}: {last}: there is no such place in the spec")


def _keep(spec: Spec, selection: Sequence[str]) -> Spec:
    """The spec with the wanted arms only; off and off_again stay in any case."""
    names = {arm.name for arm in spec.all_arms()}
    labels = {arm.schedule.label for arm in spec.all_arms()}
    for name in selection:
        if name not in names | labels:
            expected = ", ".join(sorted(names))
            raise InputError(f"--arms {name}: expected names from {expected}")
    entries = []
    for entry in spec.arms:
        samples = [
            arm.evaluation_samples
            for arm in entry.arms()
            if arm.name in selection or arm.schedule.label in selection
        ]
        if samples:
            sizes = samples if entry.evaluation_samples else None
            entries.append(entry.model_copy(update={"evaluation_samples": sizes}))
    if not entries:
        raise InputError("--arms: expected at least one arm that evaluates")
    return spec.model_copy(update={"arms": entries})
