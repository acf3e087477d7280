"""The published description is whole, is OpenAPI, and says what the API really answers."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.test import Client
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from accounts.models import Organization
from generations import error_pages, requests
from generations.openapi import document
from generations.openapi.operations import OPERATIONS
from generations.openapi.schemas import body_of_generation
from tests.contract import GOOD, faults, of_answer, of_schema, paths
from tests.everything import World
from tests.test_who_may import _undone
from tests.world import Api


def test_every_address_and_method_is_described(db: None) -> None:
    assert document.undescribed() == []


def test_the_description_is_openapi(db: None) -> None:
    validate(document.build())


def test_everybody_may_read_it(db: None) -> None:
    answer = Client().get("/api/v1/openapi.json")

    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(document.build()))
    assert "/generations/{id}/cancel" in answer.json()["paths"]
    assert "/models/{slug}" in answer.json()["paths"]


def test_what_names_a_schema_names_one_that_is_there(db: None) -> None:
    known = {*document.build()["components"]["schemas"], "", "csv", "file", "multipart"}
    assert {one.answer for one in OPERATIONS.values()} <= known
    assert {one.body for one in OPERATIONS.values()} <= known


def test_a_request_may_have_the_fields_that_are_described(db: None) -> None:
    assert set(body_of_generation()["properties"]) == set(requests.FIELDS)


def test_what_every_call_needs_at_least_is_taken_and_answered_as_described(
    world: World, api_for: Callable[[Organization], Api]
) -> None:
    """That each answer is as described, the client proves here and in every other test."""
    api = api_for(world.acme)
    of_storage = {"/uploads", "/uploads/direct", "/uploads/direct/{id}/complete"}
    for (method, path), (described, operation) in zip(
        paths(world.names), OPERATIONS.items(), strict=True
    ):
        body = GOOD.get(operation.body, {})
        if body:
            assert faults(of_schema(operation.body), body) == []
        if method == "POST" and described[1] in of_storage:
            continue  # a form, or a bucket: test_uploads and test_direct_uploads
        with _undone():
            answer = api.client.generic(
                method, f"/api/v1{path}", json.dumps(body), "application/json", headers=api.headers
            )
        assert answer.status_code == operation.status, (method, path, answer.content)


def test_a_field_that_is_not_described_is_noticed(db: None) -> None:
    balance = of_answer("get", "/balance", "200")

    assert balance
    assert any("'more' was unexpected" in fault for fault in faults(balance, {"more": 1}))


def test_every_example_is_one(db: None) -> None:
    found = list(_examples(document.build()))

    assert len(found) > 30
    assert [said for said, one in found if not OAS31Validator(said).is_valid(one)] == []


def test_a_client_is_told_which_refusals_to_expect_where(db: None) -> None:
    said = document.build()["paths"]

    create = said["/generations"]["post"]["responses"]
    assert {"201", "400", "402", "403", "409", "422", "503", "default"} == set(create)
    assert "`insufficient_credits`" in create["402"]["description"]
    assert set(said["/balance"]["get"]["responses"]) == {"200", "default"}
    known = {row.code for row in error_pages.rows()}
    assert {code for one in OPERATIONS.values() for code in one.refusals} <= known


def _examples(said: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(said, list):
        for one in said:
            yield from _examples(one)
    elif isinstance(said, dict):
        for one in said["examples"] if isinstance(said.get("examples"), list) else ():
            yield said, one
        for one in said.values():
            yield from _examples(one)
