"""YAML to the model of a venue. What is wrong is told by its YAML path, with the value and what would do."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from types import GenericAlias
from typing import Any, get_args

import attrs
import cattrs
import cattrs.gen
import yaml
from cattrs.errors import (
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)

from wirebook.errors import Misuse
from wirebook.venue import Fault, Place, Venue, address, place

Hook = Callable[[Any, Any], object]
"""Makes a value of what a YAML file holds."""


class ConfigError(Misuse):
    """A configuration cannot be; every fault of it, one a line."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(f"{path}: {fault}" for fault in faults))


class _PlainLoader(yaml.SafeLoader):
    """YAML without repeated keys, of which all but the last would be dropped without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(None, None, f"line {line}: {key!r} is there twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def load(path: Path) -> Venue:
    """Reads a venue's configuration.

    Raises:
        ConfigError: with every fault that was found.
    """
    given = read(path)
    try:
        return parse(given)
    except ValueError as error:
        raise ConfigError(path, str(error).split("\n")) from error


def read(path: Path) -> object:
    """What a YAML file holds.

    Raises:
        ConfigError: it cannot be read, is no YAML, or has a key twice.
    """
    try:
        text = path.read_text()
    except UnicodeDecodeError as error:
        raise ConfigError(path, [f"byte {error.start}: not UTF-8 text"]) from error
    except OSError as error:
        raise ConfigError(path, [error.strerror or str(error)]) from error
    try:
        given: object = yaml.load(text, _PlainLoader)
    except yaml.YAMLError as error:
        raise ConfigError(path, [" ".join(str(error).split())]) from error
    return given


def parse(given: object) -> Venue:
    """Makes a venue of what a YAML file holds.

    Raises:
        ValueError: with every fault that was found, one a line.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"a venue is a mapping with venue, feeds and loops, not {_shown(given)}")
    try:
        return _CONVERTER.structure(given, Venue)
    except (ClassValidationError, IterableValidationError) as error:
        raise ValueError("\n".join(_faults(error, ""))) from error


def _plain(value: object, wanted: type) -> object:
    """Takes a scalar as it stands: ``"5"`` is no number and 1 no truth value, whatever could be made of them."""
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        words = {int: "a whole number", str: "text", bool: "true or false"}
        raise ValueError(f"{_shown(value)} is not {words.get(wanted, wanted.__name__)}")
    return value


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{_shown(value)} is not a list")
    return value


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for scalar in (int, str, bool):
        converter.register_structure_hook(scalar, _plain)
    converter.register_structure_hook(IPv4Address, lambda value, _: address(value))
    converter.register_structure_hook_func(lambda wanted: wanted is Place, lambda value, _: place(value))

    # Lists stay lists here: a text is an iterable of texts, too, and nobody means that.
    def is_tuple(wanted: object) -> bool:
        return getattr(wanted, "__origin__", None) is tuple

    def tuples(wanted: object) -> Hook:
        items = GenericAlias(list, get_args(wanted)[:1])
        listed = converter.get_structure_hook(items)
        return lambda value, _: tuple(listed(_items(value), items))

    converter.register_structure_hook_factory(is_tuple, tuples)

    def model(wanted: type) -> Hook:
        made: Hook = cattrs.gen.make_dict_structure_fn(wanted, converter, _cattrs_forbid_extra_keys=True)

        def structure(value: object, of: type) -> object:
            if not isinstance(value, Mapping):
                raise ValueError(f"{_shown(value)} is not a mapping with {', '.join(f.name for f in attrs.fields(of))}")
            return made(value, of)

        return structure

    converter.register_structure_hook_factory(attrs.has, model)
    return converter


def _shown(value: object) -> str:
    text = repr(value)
    return "nothing" if value is None else text if len(text) <= 60 else f"{text[:57]}..."


def _faults(error: BaseException, path: str) -> Iterator[str]:
    """Every fault in an error of cattrs, by its path."""
    if isinstance(error, ClassValidationError):
        with_notes, without = error.group_exceptions()
        for each, note in with_notes:
            yield from _faults(each, f"{path}.{note.name}" if path else str(note.name))
        for other in without:
            yield from _faults(other, path)
    elif isinstance(error, IterableValidationError):
        of_items, others = error.group_exceptions()
        for each, item in of_items:
            yield from _faults(each, f"{path}[{item.index}]")
        for other in others:
            yield from _faults(other, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        for key in sorted(map(str, error.extra_fields)):
            yield f"{path}.{key}".lstrip(".") + f": there is no such setting; {_instead(key, error.cl)}"
    elif isinstance(error, KeyError):
        yield f"{path}: is missing"
    elif isinstance(error, Fault):
        yield f"{path}.{error}".lstrip(".")
    else:
        yield f"{path}: {error}"


def _instead(key: str, model: type) -> str:
    names = [field.name for field in attrs.fields(model)]
    near = difflib.get_close_matches(key, names, 1)
    return f"do you mean {near[0]}?" if near else f"there are {', '.join(names)}"


_CONVERTER = _converter()
