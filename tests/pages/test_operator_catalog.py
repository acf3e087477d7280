"""The catalog as it stands with each provider, for our own staff alone."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import Organization, User
from generations import catalog
from generations.models import ModelSchema
from tests.generations.steps import run_next, waiting
from tests.generations.test_catalog_sync import schema

PATH = "/operator/catalog"
STANDARD = "seedance-2.0-text-to-video"


def keep(provider: str, model: str, *said: Any, age: timedelta = timedelta()) -> None:
    now = timezone.now() - age
    for number, one in enumerate(said, start=1):
        ModelSchema.objects.create(
            provider=provider,
            model=model,
            number=number,
            schema=one,
            read_at=now,
            confirmed_at=now,
        )


def row_of(client: Client, provider: str, model: str = STANDARD) -> str:
    """The words of one row."""
    page = client.get(PATH).content.decode()
    section = next(part for part in page.split("<section")[1:] if f'mono break">{model}<' in part)
    row = next(
        part
        for part in section.split("<tr")[2:]
        if part.split(">", 2)[2].strip().lower().startswith(provider)
    )
    return " ".join(re.sub(r"<[^>]+>", " ", row.split(">", 1)[1]).split())


def test_before_anything_was_read_the_documents_hold(db: None, staff: Client) -> None:
    page = staff.get(PATH).content.decode()

    assert "No live schema was ever read." in page
    assert "Not read yet As documented: 480p, 720p" in row_of(staff, "eachlabs")
    assert "Not asked: no key is set" in row_of(staff, "fal")
    assert all(slug in page for model in catalog.MODELS for slug in model.slugs.values())


def test_what_opened_since_the_schema_before_is_said(db: None, staff: Client) -> None:
    keep("eachlabs", STANDARD, schema(), schema(("480p", "720p", "1080p")))

    row = row_of(staff, "eachlabs")

    assert "Number 2" in row
    assert "Open: 480p, 720p, 1080p 4 to 15 s" in row
    assert row.endswith("1080p opened")


def test_what_has_no_price_waits_for_a_row(db: None, staff: Client) -> None:
    keep("eachlabs", STANDARD, schema(("480p", "720p", "4k")))

    row = row_of(staff, "eachlabs")

    assert "Open: 480p, 720p 4 to 15 s Waits for a price row : 4k" in row
    assert row.endswith("4k is listed, and has no price: not sold")


def test_what_is_closed_is_named(db: None, staff: Client) -> None:
    keep("eachlabs", STANDARD, schema(("480p", "720p", "1080p")), schema(("720p",)))

    row = row_of(staff, "eachlabs")

    assert "Open: 720p 4 to 15 s Closed : 480p, 1080p" in row
    assert row.endswith("480p closed 1080p closed")


def test_a_model_that_is_gone_is_closed(db: None, staff: Client) -> None:
    keep("eachlabs", STANDARD, schema(), {})

    assert "Closed the provider does not know it any more; closed" in row_of(staff, "eachlabs")


def test_a_provider_that_we_do_not_sell_through_opens_nothing(db: None, staff: Client) -> None:
    keep("fal", STANDARD, schema(("480p", "1080p", "8k")))

    row = row_of(staff, "fal")

    assert row.startswith("fal not sold through bytedance/seedance-2.0/text-to-video")
    assert "Listed: 480p, 1080p, 8k" in row
    assert "Not listed : 720p" in row
    assert "We have no price : 8k" in row
    assert "Open" not in row


def test_a_name_is_unverified_until_the_provider_answers_to_it(db: None, staff: Client) -> None:
    assert "This name stands in no document." in row_of(staff, "eachlabs")
    assert "This name" not in row_of(staff, "oxen")

    keep("eachlabs", STANDARD, schema())

    assert "This name" not in row_of(staff, "eachlabs")


def test_what_could_not_be_read_for_two_days_is_late(db: None, staff: Client) -> None:
    keep("eachlabs", STANDARD, schema(), age=timedelta(days=3))

    assert "1 schema could not be read for two days." in staff.get(PATH).content.decode()


def test_however_many_versions_there_are_the_page_asks_the_same(db: None, staff: Client) -> None:
    staff.get(PATH)  # prices are read once in a while
    with CaptureQueriesContext(connection) as few:
        staff.get(PATH)
    for model in catalog.MODELS:
        for provider in model.slugs:
            keep(provider, model.slug, *[schema(), schema(("720p",))] * 5)
    with CaptureQueriesContext(connection) as many:
        staff.get(PATH)

    assert len(many) == len(few)


def test_the_button_has_the_providers_asked_and_says_so(
    db: None, staff: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("generations.catalog_sync.sync", lambda: asked.append("sync"))

    page = staff.post(PATH, follow=True).content.decode()

    assert "The providers are asked now." in page
    assert waiting() == ["sync_catalog"]
    assert asked == []
    run_next()
    assert asked == ["sync"]


def test_nobody_else_finds_the_page_with_any_method_or_token(
    acme: Organization, member_of: Callable[..., User], page_for: Callable[[User], Client]
) -> None:
    member, strict = page_for(member_of(acme)), Client(enforce_csrf_checks=True)
    for client in (Client(), member, strict):
        assert client.get(PATH).status_code == 404
        assert client.post(PATH).status_code == 404
        assert client.put(PATH).status_code == 404
    assert not OrmQ.objects.exists()


def test_staff_without_the_forms_token_is_refused(ann: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert client.post(PATH).status_code == 403
    assert client.put(PATH).status_code == 403
    assert not OrmQ.objects.exists()
