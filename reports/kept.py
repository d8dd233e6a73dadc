"""Content of a report kept as JSON and read back exactly, so that a page can be made anew when its state changes."""

from __future__ import annotations

import datetime as dt
import json
import types
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from desist.records.errors import Refused

Content = TypeVar("Content")


def to_json(content: Any) -> str:
    """A frozen dataclass as text; the same content gives the same bytes. Floats must be finite."""
    return json.dumps(asdict(content), default=_plain, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(kind: type[Content], text: str) -> Content:
    """The content in a text. Raises Refused unless it is exactly one of that kind."""
    try:
        found = _made(kind, json.loads(text))
        same = to_json(found) == text
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused("The kept content of a report is damaged or was edited. Make the run again.") from error
    if not same:
        raise Refused("The kept content of a report was edited: it does not read back as it was written.")
    return found  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _made(kind: Any, told: Any) -> Any:
    """``told`` as a value of that type."""
    if get_origin(kind) in (Union, types.UnionType):
        return _one_of(get_args(kind), told)
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), told)
    if get_origin(kind) is frozenset:
        return frozenset(_made(get_args(kind)[0], entry) for entry in told)
    if get_origin(kind) is Mapping:
        value = get_args(kind)[1]
        return {name: _made(value, entry) for name, entry in told.items()}
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{one.name: _made(hints[one.name], told[one.name]) for one in fields(kind)})  # type: ignore[operator]
    if kind is dt.date:
        return dt.date.fromisoformat(told)
    if kind is float and type(told) is int:
        return told
    if type(told) is not kind:
        raise TypeError(f"{type(told).__name__} where {kind} belongs")
    return told


def _one_of(kinds: tuple[Any, ...], told: Any) -> Any:
    """A value of the first of some types that fits: None, text, a number, or a tuple."""
    if told is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind is type(None):
            continue
        try:
            return _made(kind, told)
        except (TypeError, KeyError, ValueError, AttributeError):
            continue
    raise TypeError("none of the types fits")


def _tuple(kinds: tuple[Any, ...], told: Any) -> tuple[Any, ...]:
    if not isinstance(told, list):
        raise TypeError("a list belongs here")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_made(kinds[0], entry) for entry in told)
    if len(kinds) != len(told):
        raise TypeError("a list of another length")
    return tuple(_made(kind, entry) for kind, entry in zip(kinds, told, strict=True))
