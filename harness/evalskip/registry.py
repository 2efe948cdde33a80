"""What is found by the file that it stands in: one more file is one more of its kind."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union

from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

_Base = TypeVar("_Base", bound=BaseModel)


def modules(package: str, path: Iterable[str]) -> list[ModuleType]:
    """The modules and packages that stand in a package, imported, in alphabetical order.

    Args:
        package: its ``__name__``.
        path: its ``__path__``.
    """
    return [import_module(f"{package}.{module.name}") for module in iter_modules(path)]


def union(package: str, path: Iterable[str], base: type[_Base], tag: str) -> Any:
    """The annotation of a field that holds any of a package's models; its ``tag`` says which.

    Args:
        package: its ``__name__``.
        path: its ``__path__``.
        base: of the models.
        tag: the field that names a model; subclasses without it are bases of others.
    """
    modules(package, path)
    named = (model for model in _descendants(base) if tag in model.model_fields)
    members = tuple(sorted(named, key=lambda model: model.__name__))
    return Annotated[Union[members], Field(discriminator=tag)]  # noqa: UP007


def _descendants(base: type[_Base]) -> Iterator[type[_Base]]:
    for child in base.__subclasses__():
        yield child
        yield from _descendants(child)
