"""Reads and checks what a caller sends, against the types that the official library publishes.

`read` undoes Stripe's form encoding (or JSON, for v2); `check` holds the result against a typed
parameter class, named as under `stripe.params`: "PriceCreateParams", "v2.core.EventDestinationCreateParams".
Only this module of the simulator imports the library, and only for these types.
"""

import functools
import importlib
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NotRequired
from urllib.parse import parse_qsl

from stripe import StripeContext, _request_options
from stripe._stripe_object import UntypedStripeObject

# What the library lets a caller mix in with the parameters; it never travels as one.
OPTIONS = frozenset(_request_options.RequestOptions.__annotations__)
# Their annotations are quoted, so their module's names must be at hand wherever they are mixed in.
_NAMES = vars(_request_options) | {"StripeContext": StripeContext}
_PARTS = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_DECIMAL = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")
_UNIONS = (typing.Union, types.UnionType)


class InvalidParameter(Exception):
    """A 400 `invalid_request_error`. `param` and `code` are None where Stripe names none."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code


def read(body: bytes, content_type: str) -> dict[str, Any]:
    """The tree of a form (also a query string) or of a JSON object.

    `a[0]=x` stays {"a": {"0": "x"}}: only the type says whether that is a list, and `check` knows.
    """
    if content_type.partition(";")[0].strip().lower() == "application/json":
        return _json(body)
    tree: dict[str, Any] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidParameter("Invalid request: parameters must be valid UTF-8.") from None
    for key, value in pairs:
        name = key.partition("[")[0]
        parts = _PARTS.findall(key[len(name) :])
        if name and key == name + "".join(f"[{part}]" for part in parts):
            _plant(tree, [name, *parts], value)
        else:  # no brackets that match: the whole is one odd name
            tree[key] = value
    return tree


def check(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """`given` with values of the right types; InvalidParameter names the first that is wrong.

    Unset stays absent. "" is kept where the type allows it ("empty this field"). `page`, which v2 writes
    into the address of a list's next page, is no published parameter and passes.
    """
    token = (
        {"page": given["page"]}
        if name.startswith("v2.") and name.endswith("ListParams") and "page" in given
        else {}
    )
    return _object({k: v for k, v in given.items() if k not in token}, _typed(name), "") | token


def _json(body: bytes) -> dict[str, Any]:
    try:
        tree = json.loads(body or b"{}", parse_float=Decimal)
    except ValueError:
        tree = None
    if not isinstance(tree, dict):
        raise InvalidParameter("Invalid request: the body must be a JSON object.")
    return tree


def _plant(tree: dict[str, Any], path: list[str], value: str) -> None:
    """`a[][b]=1&a[][c]=2` fills one object, until a key comes again: then the next begins."""
    here: Any = tree
    for depth, part in enumerate(path[:-1]):
        below: Any = [] if path[depth + 1] == "" else {}
        if part == "":
            is_begun = here and isinstance(here[-1], dict) and path[depth + 1] not in here[-1]
            if not is_begun:
                here.append(below)
            here = here[-1]
        else:
            here = here.setdefault(part, below)
        if type(here) is not type(below):
            shown = path[0] + "".join(f"[{step}]" for step in path[1 : depth + 1])
            raise InvalidParameter("Invalid object", shown)
    if path[-1] == "":
        here.append(value)
    else:
        here[path[-1]] = value


@functools.cache
def _typed(name: str) -> type:
    """The class `stripe.params.<name>`."""
    package, _, bare = f"stripe.params.{name}".rpartition(".")
    found = getattr(importlib.import_module(package), bare)
    assert isinstance(found, type), name
    return found


@functools.cache
def _fields(typed: type) -> dict[str, tuple[bool, Any]]:
    """Field name to (is required, type)."""
    hints = typing.get_type_hints(typed, localns=_NAMES, include_extras=True)
    hidden = OPTIONS if hints.keys() >= OPTIONS else frozenset()
    fields = {}
    for name, hint in hints.items():
        is_optional = typing.get_origin(hint) is NotRequired
        if name not in hidden:
            fields[name] = (not is_optional, typing.get_args(hint)[0] if is_optional else hint)
    return fields


def _below(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _object(given: Any, typed: type, path: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidParameter("Invalid object", path)
    fields = _fields(typed)
    unknown = [_below(path, name) for name in given if name not in fields]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        message = f"Received unknown parameter{plural}: {', '.join(unknown)}"
        raise InvalidParameter(message, unknown[0], "parameter_unknown")
    for name, (is_required, _) in fields.items():
        if is_required and name not in given:
            missing = _below(path, name)
            raise InvalidParameter(
                f"Missing required param: {missing}.", missing, "parameter_missing"
            )
    return {
        name: _value(value, fields[name][1], _below(path, name)) for name, value in given.items()
    }


def _value(given: Any, hint: Any, path: str) -> Any:
    """`given` as `hint` wants it, which may be a union: then the shape decides who reads it."""
    members = _members(hint)
    if given is None and type(None) in members:
        return None
    if isinstance(given, Mapping | list):
        return _structure(given, members, path)
    words = [word for member in members for word in _words(member)]
    if given in words:
        return given
    if given == "":
        raise InvalidParameter(_empty_message(path), path, "parameter_invalid_empty")
    scalars = [read_as for kind, read_as in _SCALARS.items() if kind in members]
    for read_as in scalars:
        found = read_as(given)
        if found is not None:
            return found
    return _unstructured(given, members, words, path)


def _structure(given: Any, members: list[Any], path: str) -> Any:
    """A list or an object where one of `members` is to be."""
    for member in members:
        origin = typing.get_origin(member)
        if origin is list:
            items = _items(given)
            if items is not None:
                (inner,) = typing.get_args(member)
                return [_value(item, inner, f"{path}[{n}]") for n, item in enumerate(items)]
        elif isinstance(given, Mapping) and origin is dict:
            return _dictionary(given, typing.get_args(member)[1], path)
        elif isinstance(given, Mapping) and _is_shape(member):
            return _object(given, member, path)
    raise InvalidParameter(f"Invalid {_wanted(members)}", path)


def _dictionary(given: Mapping[str, Any], inner: Any, path: str) -> dict[str, Any]:
    """A value "" is kept: it removes the key."""
    return {
        name: value if value == "" else _value(value, inner, _below(path, name))
        for name, value in given.items()
    }


def _items(given: Any) -> list[Any] | None:
    """A list as such, or as a form numbers it: {"0": …, "1": …}."""
    if isinstance(given, list):
        return given
    if all(name.isdecimal() for name in given):
        return [given[name] for name in sorted(given, key=int)]
    return None


def _unstructured(given: Any, members: list[Any], words: list[str], path: str) -> Any:
    """A word or text; every other type has refused."""
    allowed = [word for word in words if word]
    # The library adds `str` to every enumeration, for words that newer versions know. We know none.
    if str in members and not allowed:
        if isinstance(given, str):
            return given
        raise InvalidParameter(f"Invalid string: {given}", path)
    if allowed and int not in members:
        raise InvalidParameter(f"Invalid {path}: must be one of {_spoken(allowed)}", path)
    wanted = _wanted(members)
    if wanted in {"array", "object"}:
        raise InvalidParameter(f"Invalid {wanted}", path)
    code = "parameter_invalid_integer" if wanted == "integer" else None
    raise InvalidParameter(f"Invalid {wanted}: {given}", path, code)


def _members(hint: Any) -> list[Any]:
    """The types of a union, or the one type. The library's own object class is never sent."""
    if typing.get_origin(hint) in _UNIONS:
        return [inner for member in typing.get_args(hint) for inner in _members(member)]
    return [] if typing.get_origin(hint) is UntypedStripeObject else [hint]


def _is_shape(member: Any) -> bool:
    """A typed dict, of whichever `typing` (the library uses the backport's)."""
    return isinstance(member, type) and issubclass(member, dict)


def _words(member: Any) -> tuple[Any, ...]:
    return typing.get_args(member) if typing.get_origin(member) is typing.Literal else ()


def _wanted(members: list[Any]) -> str:
    """What Stripe calls the type that was not met."""
    names = {int: "integer", bool: "boolean", Decimal: "decimal", float: "float", str: "string"}
    scalar = next((names[member] for member in members if member in names), None)
    if scalar:
        return scalar
    if any(typing.get_origin(member) is list for member in members):
        return "array"
    is_object = any(typing.get_origin(member) is dict or _is_shape(member) for member in members)
    return "object" if is_object else "string"


def _spoken(words: list[str]) -> str:
    if len(words) < 3:
        return " or ".join(words)
    return f"{', '.join(words[:-1])}, or {words[-1]}"


def _empty_message(path: str) -> str:
    return (
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a "
        f"parameter; however '{path}' cannot be unset. You should remove '{path}' from your request "
        "or supply a non-empty value."
    )


def _boolean(given: Any) -> bool | None:
    return given if isinstance(given, bool) else {"true": True, "false": False}.get(str(given))


def _integer(given: Any) -> int | None:
    fits = not isinstance(given, bool) and _INTEGER.fullmatch(str(given))
    return int(given) if fits else None


def _number(given: Any) -> Decimal | None:
    fits = not isinstance(given, bool) and _DECIMAL.fullmatch(str(given))
    return Decimal(str(given)) if fits else None


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    bool: _boolean,
    int: _integer,
    Decimal: _number,
    float: _number,
}
