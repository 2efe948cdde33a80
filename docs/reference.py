"""The reference, made from the code: ``python docs/reference.py FOLDER``.

Whatever a user may write in a spec, whatever ``summary.json`` holds, and the command line, as the
models and the commands themselves say. Nothing of it is written by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import typer
from pydantic import BaseModel, BeforeValidator

from evalskip import errors, summary
from evalskip.article.words import WORDS
from evalskip.cli import app
from evalskip.jobs.transformers.model import packaged_models
from evalskip.report.words.notes import NOTES
from evalskip.spec import Spec
from evalskip.spec.units import parse_duration, parse_size

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Model = type[BaseModel]

_NAMES = {
    bool: "true or false",
    float: "number",
    int: "integer",
    Path: "path",
    str: "text",
    type(None): "null",
}
_UNITS = {parse_duration: "duration", parse_size: "size"}
_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}

SPEC = f"""# The spec

Everything that a spec may hold. It is YAML, in files such as
[bench/quick.yaml](../../../bench/quick.yaml), and `evalskip` takes a LLaMA-Factory configuration in
its place. A *duration* is written `90s`, `5m` or `1h30m`, a *size* `3GiB` or `80GB`. Any field can
be set on the command line: `--set job.epochs=3`. A field that is unknown is an error.

Packaged model configurations, for `job.model.config`: `{"`, `".join(packaged_models())}`.
"""

SUMMARY = """# summary.json

Every field of a result's `summary.json`. Durations are seconds, memory is bytes, shares and gains
are fractions. `evalskip.summary.read_summary(directory)` reads and checks one.
"""

COMMANDS = """# The command line

`evalskip COMMAND --help` says the same. Without a spec, `bench`, `headroom` and `predict` take
`bench/quick.yaml`. Every error of a user is one line on standard error that names the file or
option, the field and what is expected.
"""


def main(folder: Path) -> None:
    """Write the pages of the reference."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("spec.md", SPEC + "".join(_sections(Spec))),
        ("summary.md", SUMMARY + "".join(_sections(summary.Summary)) + "".join(_notes())),
        ("command-line.md", COMMANDS + "".join(_commands()) + _exit_codes()),
    ):
        (folder / name).write_text(text, encoding="utf-8")


def _notes() -> Iterator[str]:
    """Every code of a note, with its words; ``{names}`` are its parameters."""
    yield "\n## What notes say {#what-notes-say}\n\n| code | words |\n| --- | --- |\n"
    for code, words in (NOTES | WORDS).items():
        template = words if isinstance(words, str) else words[1]
        yield f"| `{code}` | {template.replace('|', chr(92) + '|')} |\n"


def _sections(root: Model) -> Iterator[str]:
    """A section of a model, then one of each that its fields hold, each once."""
    places = _places(root)
    titles = {model: _title(model, found) for model, found in places.items()}
    for model, title in titles.items():
        nested = "." in title.split(", ")[0]
        paragraph = (model.__doc__ or "").split("\n\n")[0].replace("\n    ", " ")
        yield f"\n{'###' if nested else '##'} {title} {{#{_anchor(title)}}}\n\n"
        yield f"{_code(paragraph).strip()}\n\n"
        if settings := getattr(model, "evaluation_settings", None):
            names = ", ".join(f"`{name}`" for name in sorted(settings))
            yield f"An arm's `evaluation` may set: {names}.\n\n"
        yield "| field | type | default | meaning |\n| --- | --- | --- | --- |\n"
        # what says which member of a union it is comes first
        for name, field in sorted(model.model_fields.items(), key=lambda each: not _names(each[1])):
            links = [f"[{titles[each]}](#{_anchor(titles[each])})" for each in _held(field)]
            word = "the word that chooses this" if _names(field) else ""
            says = [field.description or word, f"see {', '.join(links)}" if links else ""]
            meaning = "; ".join(filter(None, says)).replace("|", "\\|")
            yield f"| `{name}` | {_type(field)} | {_default(field)} | {meaning} |\n"


def _places(root: Model) -> dict[Model, list[str]]:
    """Where each model stands in the file, in order."""
    places: dict[Model, list[str]] = {root: [""]}

    def visit(model: Model, place: str) -> None:
        for name, field in model.model_fields.items():
            # a schedule's parameters stand beside it
            where = place if name == "schedule" else f"{place}.{name}".strip(".")
            for each in _held(field):
                is_new = each not in places
                places.setdefault(each, []).append(where)
                if is_new:
                    visit(each, where)

    visit(root, "")
    return places


def _title(model: Model, places: list[str]) -> str:
    tags = [(name, _names(field)) for name, field in model.model_fields.items()]
    tag = next((f"{name}: {value}" for name, value in tags if value), "")
    if len(set(places)) > 1:
        return model.__name__
    return ", ".join(filter(None, [places[0], tag])) or "The whole"


def _names(field: FieldInfo) -> str:
    """The one word that a field can hold, which says what it is in: such as its kind."""
    words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return words[0] if len(words) == 1 and isinstance(words[0], str) else ""


def _held(field: FieldInfo) -> list[Model]:
    return list(dict.fromkeys(_models(field.annotation)))


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    return _written(Annotated[(kind, *field.metadata)] if field.metadata else kind)


def _anchor(title: str) -> str:
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in title).strip("-")


def _models(annotation: Any) -> Iterator[Model]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _written(annotation: Any) -> str:
    """A type as people read it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _constrained(arguments[0], arguments[1:])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(_written, arguments)))
    if origin in (list, tuple):
        return f"list of {_written(arguments[0])}"
    if origin in (dict, Mapping):
        return f"mapping to {_written(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    return _NAMES.get(annotation, "any value")


def _constrained(base: Any, metadata: tuple[Any, ...]) -> str:
    for each in metadata:
        if isinstance(each, BeforeValidator) and each.func in _UNITS:
            return _UNITS[each.func]
    bounds = [
        f"{words} {getattr(each, name):,}"
        for each in metadata
        for name, words in _BOUNDS.items()
        if getattr(each, name, None) is not None
    ]
    return ", ".join([_written(base), *bounds])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return ""
    value = field.default
    if isinstance(value, BaseModel):
        return "its own defaults"
    units = [m.func for m in field.metadata if isinstance(m, BeforeValidator)]
    if parse_duration in units:
        return f"`{value:g}s`"
    return f"`{json.dumps(value)}`" if value != "" else '`""`'


def _code(text: str) -> str:
    """Markdown of a docstring's markup."""
    return text.replace("``", "`")


def _commands() -> Iterator[str]:
    commands: Any = typer.main.get_command(app)
    callbacks = {each.callback.__name__: each.callback for each in app.registered_commands
                 if each.callback}  # fmt: skip
    for name, command in commands.commands.items():
        annotations = get_type_hints(callbacks[name], include_extras=True)
        parameters = [each for each in command.params if each.name in annotations]
        words = [_word(each) for each in parameters if not _is_option(each)]
        yield f"\n## evalskip {name} {{#{name}}}\n\n{_code(command.help or '')}\n\n"
        yield f"```text\n{' '.join(['evalskip', name, *words, '[OPTIONS]'])}\n```\n\n"
        yield "| argument or option | takes | default | meaning |\n| --- | --- | --- | --- |\n"
        for each in parameters:
            takes = "" if getattr(each, "is_flag", False) else _taken(annotations[each.name])
            default = "required" if each.required else _shown(each.default)
            yield f"| `{_word(each)}` | {takes} | {default} | {each.help or ''} |\n"


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _word(parameter: Any) -> str:
    if _is_option(parameter):
        return ", ".join([*parameter.opts, *parameter.secondary_opts])
    name: str = parameter.metavar or parameter.name.upper()
    return name if parameter.required or name.startswith("[") else f"[{name}]"


def _taken(annotation: Any) -> str:
    """What an option takes, of its annotation."""
    base, option = get_args(annotation)
    kinds = [_written(each) for each in get_args(base) or [base] if each is not type(None)]
    least = "" if getattr(option, "min", None) is None else f", at least {option.min}"
    return f"{', '.join(kinds)}{least}"


def _shown(default: Any) -> str:
    return "" if default in (None, False, True, (), []) else f"`{default}`"


def _exit_codes() -> str:
    samples = [
        f"| {each.exit_code} | {_code((each.__doc__ or '').strip())} |\n"
        for each in sorted(errors.EvalskipError.__subclasses__(), key=lambda e: e.exit_code)
    ]
    return (
        "\n## Exit codes\n\n| code | meaning |\n| ---: | --- |\n"
        "| 0 | Done, whatever the verdict. |\n" + "".join(samples)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
