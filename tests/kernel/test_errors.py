"""Every error of the API has one shape, and a page for people says as little of what happened."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organization
from tests.world import Api

MakeApi = Callable[[Organization], Api]
FIELDS = {"code", "message", "retryable", "param", "details", "request_id"}
broken_urls = pytest.mark.urls("tests.kernel.broken_urls")


def error_of(response: Any, status: int, code: str) -> dict[str, Any]:
    """The error, after what is true of all of them."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert body.keys() == {"error"}
    error: dict[str, Any] = body["error"]
    assert error.keys() == FIELDS
    assert error["code"] == code
    assert error["message"]
    assert error["request_id"] == response.headers["X-Request-Id"]
    return error


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v1/", "/api/v1/generations/gen_1/nothing", "/webhooks/nobody"]
)
def test_an_unknown_address_for_programs_is_a_404_in_the_shape(db: None, path: str) -> None:
    error = error_of(Client().get(path), 404, "not_found")

    assert (error["retryable"], error["param"], error["details"]) == (False, None, {})


def test_an_unknown_object_is_a_404_in_the_shape(acme: Organization, api_for: MakeApi) -> None:
    error_of(api_for(acme).get("/generations/gen_1"), 404, "not_found")


def test_an_unknown_page_is_html(db: None) -> None:
    response = Client().get("/nothing")

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "There is nothing at this address" in response.content.decode()


def test_no_key_is_a_401_that_says_how_to_send_one(db: None) -> None:
    response = Client().get("/api/v1/balance")

    error = error_of(response, 401, "unauthenticated")
    assert "Authorization: Bearer" in error["message"]
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_method_is_a_405_that_names_the_right_ones(
    acme: Organization, api_for: MakeApi
) -> None:
    response = api_for(acme).post("/balance", {})

    error_of(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_another_content_type_is_a_415(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)

    response = api.client.post(
        "/api/v1/generations", "<xml/>", content_type="text/xml", headers=api.headers
    )

    error_of(response, 415, "unsupported_media_type")


def test_what_curl_sends_by_default_is_read_as_json(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)

    response = api.client.post(
        "/api/v1/generations",
        '{"colour": "red"}',
        content_type="application/x-www-form-urlencoded",
        headers=api.headers,
    )

    assert error_of(response, 400, "unknown_field")["param"] == "colour"


@broken_urls
def test_a_rate_limit_is_retryable_and_says_when(db: None) -> None:
    response = Client().post("/api/v1/broken")

    assert error_of(response, 429, "rate_limited")["retryable"] is True
    assert response.headers["Retry-After"] == "7"


@broken_urls
def test_a_403_tells_nothing(db: None) -> None:
    error = error_of(Client().delete("/api/v1/broken"), 403, "forbidden")

    assert "swordfish" not in str(error)


@broken_urls
def test_an_unexpected_error_is_a_500_without_detail_and_a_log_line_with_its_id(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    response = Client(raise_request_exception=False).get("/api/v1/broken")

    error = error_of(response, 500, "internal_error")
    assert error["retryable"] is True
    assert b"swordfish" not in response.content
    (line,) = [record for record in caplog.records if record.name == "seedance_saas.errors"]
    assert line.levelno == logging.ERROR
    assert line.getMessage() == f"request.failed id={error['request_id']} path='/api/v1/broken'"
    assert line.exc_info
    assert "swordfish" in str(line.exc_info[1])


@broken_urls
def test_an_unexpected_error_of_a_page_is_html_with_the_id(db: None) -> None:
    response = Client(raise_request_exception=False).get("/broken")

    assert response.status_code == 500
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    page = response.content.decode()
    assert response.headers["X-Request-Id"] in page
    assert "swordfish" not in page


@pytest.mark.parametrize("path", ["/api/v1/balance", "/"])
def test_a_strange_host_is_a_400(db: None, path: str) -> None:
    response = Client().get(path, headers={"Host": "evil.example"})

    if path == "/":
        assert response.status_code == 400
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    else:
        error_of(response, 400, "invalid_request")


@pytest.mark.parametrize("path", ["/api/v1/balance", "/gallery", "/nothing", "/api/v1/nothing"])
@pytest.mark.parametrize("query", ["?cursor=%00", "?reference=a%00b", "?%00=1", "?page=%2500%00"])
def test_a_nul_in_the_query_is_a_400(
    acme: Organization, api_for: MakeApi, path: str, query: str
) -> None:
    api = api_for(acme)

    response = api.client.get(f"{path}{query}", headers=api.headers)

    assert response.status_code == 400
    assert response.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/generations/%00",
        "/api/v1/generations/gen_1%00/receipt",
        "/api/v1/models/%00",
        "/generations/gen_%00",
        "/%00",
        "/media/1/a/%00",
    ],
)
def test_a_nul_in_the_path_is_a_400(acme: Organization, api_for: MakeApi, path: str) -> None:
    api = api_for(acme)

    assert api.client.get(path, headers=api.headers).status_code == 400


@pytest.mark.parametrize("path", ["/", "/nothing", "/accounts/login/"])
def test_a_nul_in_a_cookie_is_a_400(db: None, path: str) -> None:
    response = Client().get(path, headers={"Cookie": 'sessionid="abcdefgh\\000abcdefgh"'})

    assert response.status_code == 400


def test_a_percent_sign_is_no_nul(acme: Organization, api_for: MakeApi) -> None:
    assert api_for(acme).get("/transfers", reference="100%00").json()["data"] == []


@pytest.mark.parametrize("path", ["/api/v1/generations/%FF%FE", "/api/v1/transfers?reference=%ED"])
def test_broken_utf8_in_an_address_finds_nothing(
    acme: Organization, api_for: MakeApi, path: str
) -> None:
    api = api_for(acme)

    response = api.client.get(path, headers=api.headers)

    assert response.status_code in {200, 404}
    assert response.json().get("data", []) == []


def test_too_many_parameters_are_a_400(acme: Organization, api_for: MakeApi) -> None:
    api = api_for(acme)

    response = api.client.get("/api/v1/transfers?" + "a=1&" * 2000, headers=api.headers)

    error_of(response, 400, "invalid_request")
