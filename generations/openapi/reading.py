"""The OpenAPI document as a page reads it: groups of calls, each with its fields in a flat list."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DEPTH_MAX = 3


@dataclass(frozen=True)
class Field:
    name: str  # "price.held_usd"
    takes: str
    words: str
    is_required: bool


@dataclass(frozen=True)
class Call:
    id: str
    method: str
    path: str
    summary: str
    words: str
    parameters: list[Field]
    body: list[Field]
    status: str
    answer: list[Field]
    answer_name: str
    refusals: list[tuple[str, str]]  # status, and in words


@dataclass(frozen=True)
class Group:
    id: str
    title: str
    calls: list[Call]


def groups(document: dict[str, Any]) -> list[Group]:
    calls: dict[str, list[Call]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            calls[operation["tags"][0]].append(_call(document, method, path, operation))
    return [
        Group(re.sub(r"\W+", "-", tag.lower()), tag, found) for tag, found in calls.items() if found
    ]


def _call(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Call:
    status, answer = next(iter(operation["responses"].items()))
    schema = _schema(answer.get("content", {}))
    return Call(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        words=operation.get("description", "").replace("`", ""),
        parameters=[
            Field(
                one["name"],
                _takes(one["schema"]),
                one.get("description") or one["schema"].get("description", ""),
                one.get("required", False),
            )
            for one in operation["parameters"]
        ],
        body=list(_fields(document, _schema(operation.get("requestBody", {}).get("content", {})))),
        status=status,
        answer=list(_fields(document, schema)),
        answer_name=_name(schema),
        refusals=[
            (status, said["description"].replace("`", ""))
            for status, said in operation["responses"].items()
            if status.startswith(("4", "5"))
        ],
    )


def _schema(content: dict[str, Any]) -> dict[str, Any]:
    for one in content.values():
        schema: dict[str, Any] = one["schema"]
        return dict(schema.get("oneOf", [schema])[0])
    return {}


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for one in schema.get("anyOf", []):
        if "$ref" in one:
            schema = one
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][_name(schema)]
        return found
    return schema


def _fields(
    document: dict[str, Any], schema: dict[str, Any], before: str = "", depth: int = 0
) -> Iterator[Field]:
    schema = _resolved(document, schema)
    for name, said in schema.get("properties", {}).items():
        inner = _resolved(document, said)
        yield Field(
            f"{before}{name}",
            _takes(inner | ({"type": ["object", "null"]} if "anyOf" in said else {})),
            said.get("description", "").replace("`", ""),
            name in schema.get("required", ()),
        )
        if depth < DEPTH_MAX and "properties" in inner:
            yield from _fields(document, inner, f"{before}{name}.", depth + 1)
        elif depth < DEPTH_MAX and inner.get("type") == "array":
            yield from _fields(document, inner["items"], f"{before}{name}[].", depth + 1)


def _takes(schema: dict[str, Any]) -> str:
    kinds = schema.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = {"array": "list", "integer": "whole number", "string": "text", "boolean": "true, false"}
    if "enum" in schema:
        said = ", ".join("null" if one is None else str(one) for one in schema["enum"])
    elif schema.get("format") in {"date-time", "date", "uri", "binary"}:
        said = {"date-time": "time", "date": "day", "uri": "URL", "binary": "file"}[
            schema["format"]
        ]
        said += " or null" if "null" in kinds else ""
    else:
        said = " or ".join(words.get(kind, kind) for kind in kinds)
    if "default" in schema:
        said += f"; default {str(schema['default']).lower()}"
    return said
