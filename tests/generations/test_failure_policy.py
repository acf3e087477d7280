"""One table says what a failure code means, and everything that speaks of one reads it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from generations import failure_policy
from generations.errors import FAILURES
from tests.generations.steps import Line

ROOMS = ("accounts", "billing", "generations", "seedance_saas")
TABLE = Path("generations/errors.py")
ROOT = Path(settings.BASE_DIR)


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "simulators" not in path.parts and "migrations" not in path.parts:
                yield path.relative_to(ROOT), ast.parse(path.read_text())


def test_the_rows_are_the_table() -> None:
    rows = failure_policy.as_rows()

    assert [row["code"] for row in rows] == list(FAILURES)
    assert rows[0] == {
        "code": "content_refused",
        "message": "The provider's content check refused the prompt, an input or the result.",
        "retryable": False,
        "charged": False,
    }
    assert not any(row["charged"] for row in rows)


def test_no_message_of_the_table_stands_anywhere_else() -> None:
    messages = {failure.message for failure in FAILURES.values()}
    templates = [(ROOT / "templates").rglob("*.html"), (ROOT / "static").rglob("*.js")]

    found = [
        (str(path), node.value)
        for path, module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and node.value in messages and path != TABLE
    ]
    found += [
        (str(path), message)
        for paths in templates
        for path in paths
        for message in messages
        if message in path.read_text()
    ]

    assert found == []


def test_no_other_table_is_keyed_by_failure_codes() -> None:
    tables = [
        str(path)
        for path, module in sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Dict)
        and len({key.value for key in node.keys if isinstance(key, ast.Constant)} & set(FAILURES))
        >= 2
    ]

    assert tables == [str(TABLE)]


def test_every_code_with_which_a_generation_ends_is_in_the_table() -> None:
    """The codes given to `fail`, ProviderRefused, BadInput and JobStatus, and those that providers' are read as."""
    taking = {"fail": 1, "ProviderRefused": 0, "BadFile": 0, "_refuse": 0}
    codes = set()
    for _, module in sources():
        for call in ast.walk(module):
            if isinstance(call, ast.Assign) and ast.unparse(call.targets[0]) == "_FAILURE_CODES":
                codes |= set(ast.literal_eval(call.value).values())
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute)):
                continue
            name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
            given = (
                call.args[taking[name]]
                if name in taking and len(call.args) > taking[name]
                else None
            )
            given = given or next(
                (word.value for word in call.keywords if word.arg == "failure_code"), None
            )
            if isinstance(given, ast.Constant) and given.value:
                codes.add(given.value)

    assert {"provider_timeout", "output_unusable", "media_too_large", "provider_lost"} <= codes
    assert "content_refused" in codes
    assert codes <= set(FAILURES)


@pytest.mark.parametrize("error_code", ["PROVIDER_REJECTED", "INPUT_DOWNLOAD_ERROR"])
def test_generation_and_receipt_say_the_same_of_a_failure(line: Line, error_code: str) -> None:
    generation = line.running()
    line.upstream.fail(line.upstream.job, error_code, "Not this one.")
    line.reconcile()

    failure = line.api.get(f"/generations/{generation.id}").json()["failure"]
    receipt = line.api.get(f"/generations/{generation.id}/receipt").json()

    policy = FAILURES[failure["code"]]
    assert failure == {
        "code": failure["code"],
        "message": "Not this one.",
        "retryable": policy.retryable,
        "charged": False,
        "details": {},
    }
    assert receipt["failure"] == failure
    assert receipt["not_charged_because"] == f"What fails is free. {policy.message}"
