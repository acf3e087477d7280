"""What customers build on stays: `promised.txt` lists it. More may come; nothing goes, is renamed or becomes a must."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generations.openapi import document

FILE = Path(__file__).with_name("promised.txt")


def promised() -> dict[str, set[str]]:
    """By call (`GET /balance`) or shape (`Balance`) the words that stand behind it."""
    lines = [line for line in FILE.read_text().splitlines() if line and not line.startswith("#")]
    return {name: set(words.split()) for name, _, words in (line.partition(":") for line in lines)}


def described() -> dict[str, set[str]]:
    """The same, of the description, which every answer in the tests is held against."""
    said = document.build()
    found = {name: set(_fields(shape)) for name, shape in said["components"]["schemas"].items()}
    for path, methods in said["paths"].items():
        for method, call in methods.items():
            found[f"{method.upper()} {path}"] = set(_call(call))
    return found


def _call(call: dict[str, Any]) -> Iterator[str]:
    """Parameters, the shape of the body, the status and the shape of the answer."""
    yield from (f"?{one['name']}" for one in call["parameters"] if one["in"] == "query")
    for content in call.get("requestBody", {}).get("content", {}).values():
        yield "<" + content["schema"].get("$ref", "form").rpartition("/")[2]
    status, answer = next(iter(call["responses"].items()))
    yield status
    for kind, content in answer.get("content", {}).items():
        schema = content["schema"].get("oneOf", [content["schema"]])[0]
        yield ">" + schema.get("$ref", kind).rpartition("/")[2]


def _fields(shape: Any, before: str = "") -> Iterator[str]:
    """`price.held_usd`; of a body that is sent, what must be there has a star: `prompt*`."""
    must = set() if shape.get("additionalProperties", True) else set(shape["required"])
    for name, said in shape.get("properties", {}).items():
        yield f"{before}{name}{'*' if name in must else ''}"
        yield from _fields(said, f"{before}{name}.")
        yield from _fields(said.get("items", {}), f"{before}{name}[].")


def test_nothing_that_was_promised_is_gone(db: None) -> None:
    now, gone = described(), {}
    for name, words in promised().items():
        if missing := words - now.get(name, set()):
            gone[name] = sorted(missing)

    assert gone == {}


def test_nothing_becomes_a_must(db: None) -> None:
    now = described()

    musts = {
        name: {word for word in now[name] - words if word.endswith("*")}
        for name, words in promised().items()
    }

    assert {name: new for name, new in musts.items() if new} == {}


def test_the_list_is_read(db: None) -> None:
    words = promised()

    assert {"price.charged_usd", "output", "failure"} <= words["Generation"]
    assert {"?status", "?metadata", "200", ">GenerationList"} <= words["GET /generations"]
    assert {"model*", "prompt*", "duration"} <= words["GenerationRequest"]
