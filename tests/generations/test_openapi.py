"""The published description is whole, is OpenAPI, and says what the API really answers."""

import json
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from accounts.models import Organization
from generations import requests
from generations.openapi import document
from generations.openapi.operations import OPERATIONS
from generations.openapi.schemas import body_of_generation
from tests.generations.files import picture
from tests.generations.steps import BODY, Line
from tests.world import Api


def check(answer: Any, method: str, path: str) -> Any:
    """The answer is what the description says of this call; its body."""
    described = document.build()
    operation = described["paths"][path][method.lower()]
    said = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    schema = said | {"components": described["components"]}
    faults = [
        f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:200]}"
        for fault in OAS31Validator(schema).iter_errors(answer.json())
    ]
    assert faults == [], (method, path)
    return answer.json()


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


def test_answers_are_as_described(line: Line, api: Api, acme: Organization, tmp_path: Path) -> None:
    check(api.get("/generations"), "GET", "/generations")
    check(api.post("/quotes", BODY), "POST", "/quotes")
    made = check(api.post("/generations", BODY), "POST", "/generations")
    check(api.post("/generations", {**BODY, "num_generations": 2}), "POST", "/generations")
    one = f"/generations/{made['id']}"
    check(api.get(one), "GET", "/generations/{id}")
    check(api.get(f"{one}/receipt"), "GET", "/generations/{id}/receipt")
    check(api.post(f"{one}/cancel"), "POST", "/generations/{id}/cancel")
    ended = line.collecting()
    line.sweep(10)
    assert line.now(ended).state == "succeeded"
    one = f"/generations/{ended.id}"
    assert check(api.get(one), "GET", "/generations/{id}")["output"]
    check(api.get(f"{one}/receipt"), "GET", "/generations/{id}/receipt")
    check(api.get("/generations"), "GET", "/generations")
    for path in ("/models", "/balance", "/transfers", "/usage", "/budgets", "/end-users", "/events",
                 "/purchases", "/invoices", "/statements", "/uploads"):  # fmt: skip
        check(api.get(path), "GET", path)
    check(api.get("/models/seedance-2.0-text-to-video"), "GET", "/models/{slug}")
    budget = f"/budgets/organization/{acme.pk}"
    check(api.get(budget), "GET", "/budgets/{scope}/{id}")


def test_an_upload_and_a_refusal_are_as_described(api: Api) -> None:
    file = SimpleUploadedFile("kite.jpg", picture(), "image/jpeg")
    answer = api.client.post("/api/v1/uploads", {"file": file}, headers=api.headers)
    upload = check(answer, "POST", "/uploads")
    check(api.get(f"/uploads/{upload['id']}"), "GET", "/uploads/{id}")

    refused = api.post("/generations", {"model": "none"})

    error = document.build()["components"]["schemas"]["Error"]
    assert list(OAS31Validator(error).iter_errors(refused.json())) == []
