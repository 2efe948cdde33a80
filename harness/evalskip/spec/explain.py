"""From pydantic's errors to one line: the field, what is expected, what was got."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from evalskip.spec.experiment import Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_MAPPING_ERRORS = {"model_type", "model_attributes_type", "dict_type"}


def explain(error: ValidationError, section: str = "") -> str:
    """The first of a spec's errors, or of a section's, and how many there are beside it."""
    errors = error.errors(include_url=False)
    place, fields = _locate((*filter(None, [section]), *errors[0]["loc"]))
    text = _expectation(errors[0], fields)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place}: {text}{more}" if place else f"{text}{more}"


def _locate(loc: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """The dotted place in the file, and the names of the fields known beside it."""
    models: list[type[BaseModel]] = [Spec]
    places: list[str] = []
    for step, place in enumerate(loc):
        is_last = step == len(loc) - 1
        tagged = [m for m in models if _is_tagged(m, str(place))]
        if len(models) > 1 and tagged:
            models = tagged  # the member of a union is no place in the file
            continue
        inside = [m.model_fields[place] for m in models if place in m.model_fields]
        places.append(str(place))
        if inside and not is_last:
            models = [m for field in inside for m in _models_in(field.annotation)]
    # a schedule's parameters stand beside it in the file
    if "schedule" in places[:-1]:
        places.remove("schedule")
    return ".".join(places), sorted({name for m in models for name in m.model_fields})


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _is_tagged(model: type[BaseModel], tag: str) -> bool:
    fields = (model.model_fields.get(name) for name in ("kind", "schedule"))
    return any(tag in get_args(field.annotation) for field in fields if field)


def _expectation(details: ErrorDetails, fields: list[str]) -> str:
    kind, message, value = details["type"], details["msg"], details["input"]
    context = details.get("ctx", {})
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(details["loc"][-1]), fields, n=1)
        expected = near[0] if near else f"one of {', '.join(fields)}"
        return f"unknown field; expected {expected}"
    if kind == "missing":
        return "missing; a value is expected"
    if kind == "union_tag_invalid":
        expected = str(context.get("expected_tags")).replace("'", "")
        return f"expected one of {expected}, got {context.get('tag')}"
    if kind == "union_tag_not_found":
        name = str(context.get("discriminator")).strip("'")
        return f"expected a mapping with {name}:, got {_short(value)}"
    if kind == "too_short":
        return f"expected at least {context.get('min_length')}, got {_short(value)}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind in _MAPPING_ERRORS:
        return f"expected a mapping, got {_short(value)}"
    for written, meant in (
        ("Input should be greater", "expected a number greater"),
        ("Input should be less", "expected a number less"),
        ("Input should be", "expected"),
    ):
        message = message.replace(written, meant)
    return f"{message[0].lower()}{message[1:]}, got {_short(value)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
