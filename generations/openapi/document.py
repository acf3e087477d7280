"""Builds the OpenAPI document: every address and method of the URL map, described by `operations.OPERATIONS`."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from generations import error_pages
from generations.openapi import schemas
from generations.openapi.operations import LIST_QUERY, OPERATIONS, Operation

ROOT = "api/v1/"
METHODS = ("get", "post", "put", "patch", "delete")
UPLOAD_FORM = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}


def routes() -> Iterator[tuple[str, str, Any]]:
    """Method, path and view class of everything that the API serves to a key, as the URL map has it."""
    for entry in get_resolver().url_patterns:
        if isinstance(entry, URLResolver) and str(entry.pattern) == ROOT:
            yield from _routes(entry.url_patterns)


def _routes(entries: list[URLPattern | URLResolver]) -> Iterator[tuple[str, str, Any]]:
    for entry in entries:
        view = getattr(getattr(entry, "callback", None), "view_class", None)
        if view is None:  # not a class of the API: the description itself
            continue
        for method in METHODS:
            if hasattr(view, method):
                yield method.upper(), path_of(str(entry.pattern)), view


def path_of(pattern: str) -> str:
    """`^generations/(?P<id>[^/]+)/cancel/?$` as `/generations/{id}/cancel`."""
    text = pattern.removeprefix("^").removesuffix("$").removesuffix("/?")
    found, depth, at = "", 0, 0
    while at < len(text):
        name = re.match(r"\(\?P<(\w+)>", text[at:]) if depth == 0 else None
        if name:
            found += "{" + name[1] + "}"
            depth, at = 1, at + name.end()
            continue
        if depth:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
        elif text[at] != "\\":
            found += text[at]
        at += 1
    return f"/{found}"


def undescribed() -> list[str]:
    """What the URL map has and the table of words has not."""
    return [f"{method} {path}" for method, path, _ in routes() if (method, path) not in OPERATIONS]


@functools.cache
def build() -> dict[str, Any]:
    """The document. It does not change while a process lives."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, view in routes():
        if operation := OPERATIONS.get((method, path)):
            paths.setdefault(path, {})[method.lower()] = _operation(method, path, view, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Seedance SaaS",
            "version": "1",
            "description": "Seedance 2.0 video, held before the work and charged for the seconds produced.",
        },
        "servers": [{"url": f"{settings.PUBLIC_URL}/api/v1"}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in OPERATIONS.values())],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas.all_of_them(),
            "responses": {
                "Error": {"description": "Refused.", "content": _json(schemas.of("Error"))}
            },
        },
    }


def _operation(method: str, path: str, view: Any, operation: Operation) -> dict[str, Any]:
    scope = getattr(view, "scopes", {}).get(method)
    words = [operation.words] if operation.words else []
    if scope:
        words.append(f"Needs the scope `{scope}`.")
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    query = operation.query | (LIST_QUERY if operation.is_list else {})
    parameters += [_in_query(name, said) for name, said in query.items()]
    if method == "POST":
        parameters.append(_IDEMPOTENCY_KEY)
    if (method, path) == ("POST", "/generations"):
        parameters.append(_PREFER)
    made: dict[str, Any] = {
        "operationId": _id(method, path),
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(operation.status): _answer(operation),
            **_refusals(method, operation),
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    if words:
        made["description"] = " ".join(words)
    if operation.body == "multipart":
        made["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": UPLOAD_FORM}},
        }
    elif operation.body:
        body = made["requestBody"] = {"content": _json(schemas.of(operation.body))}
        body["required"] = not operation.may_be_empty
    return made


def _in_query(name: str, said: schemas.Schema) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": "query", "schema": said}
    if said["type"] == "object":  # name[key]=value
        parameter |= {"style": "deepObject", "explode": True}
    return parameter


def _refusals(method: str, operation: Operation) -> dict[str, Any]:
    """What it may refuse with beside what every address may, by status."""
    codes: dict[str, list[str]] = {}
    may = {*operation.refusals, *(("idempotency_conflict",) if method == "POST" else ())}
    for row in error_pages.rows():
        if row.code in may:
            codes.setdefault(str(row.status), []).append(f"`{row.code}`")
    return {
        status: {
            "description": f"Refused: {', '.join(found)}.",
            "content": _json(schemas.of("Error")),
        }
        for status, found in codes.items()
    }


_PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=N`: answer when it has ended, or after N seconds, 1 to 60; sooner when too many wait.",
    "schema": {"type": "string", "examples": ["wait=60"]},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "1 to 255 characters. The same key and body within 24 hours give the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def _answer(operation: Operation) -> dict[str, Any]:
    if operation.answer == "":
        return {"description": "Done."}
    if operation.answer in {"csv", "file"}:
        kind = "text/csv" if operation.answer == "csv" else "application/octet-stream"
        return {
            "description": "The file, streamed.",
            "content": {kind: {"schema": {"type": "string"}}},
        }
    schema = schemas.of(operation.answer)
    if (operation.tag, operation.body) == ("Generations", "GenerationRequest"):
        several = schemas.an_object(data=schemas.many(schemas.of("Generation")))
        schema = {"oneOf": [schema, several]}
    return {"description": operation.summary + ".", "content": _json(schema)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _id(method: str, path: str) -> str:
    words = re.findall(r"\w+", path.replace("-", " "))
    return "_".join([method.lower(), *words])
