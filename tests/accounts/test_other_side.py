"""Whose accounts open ours may be down; then the password still works, and the page says so."""

import logging

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from requests import ConnectionError as OtherSideIsDown

from seedance_saas.urls import handler404, handler500
from seedance_saas.urls import urlpatterns as ours

__all__ = ["handler404", "handler500", "urlpatterns"]


def down(request: HttpRequest) -> HttpResponse:
    raise OtherSideIsDown("https://id.example.com refused")


urlpatterns = [path("accounts/oidc/oidc/login/", down), *ours]


@pytest.mark.urls(__name__)
def test_a_provider_that_is_down_is_a_page_and_no_500(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = Client().post("/accounts/oidc/oidc/login/")

    assert answer.status_code == 503
    assert "The other side did not say who you are." in answer.content.decode()
    assert "sign_in.other_side_is_down" in caplog.text
