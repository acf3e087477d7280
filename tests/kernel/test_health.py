"""/readyz says what is missing; /healthz only that the process lives."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from seedance_saas import health
from seedance_saas.models import Sweep


def _seen(*, seconds_ago: int) -> None:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    Sweep.objects.create(name=f"seen {seconds_ago}", enqueued_at=at, finished_at=at)


def _problems(client: Client) -> list[str]:
    response = client.get("/readyz")
    assert response.status_code == 503
    error = response.json()["error"]
    assert error["code"] == "not_ready"
    assert error["retryable"] is True
    assert error["message"] == " ".join(error["details"]["problems"])
    assert set(error) == {"code", "message", "retryable", "param", "details", "request_id"}
    problems: list[str] = error["details"]["problems"]
    return problems


def test_ready_when_a_worker_was_seen_in_the_last_minute(db: None, client: Client) -> None:
    _seen(seconds_ago=59)

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ready"}


def test_a_silent_worker_is_named(db: None, client: Client) -> None:
    _seen(seconds_ago=61)

    assert _problems(client) == ["No worker was seen in the last 60 seconds."]


def test_a_silent_clock_is_told_from_a_silent_worker(db: None, client: Client) -> None:
    _seen(seconds_ago=151)

    assert _problems(client) == [
        "No clock was seen in the last 150 seconds, and no worker: run `manage.py clock`."
    ]


def test_missing_migrations_are_named(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_migrated", False)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'seedance_saas'")

    assert _problems(client) == ["Migrations are not applied: run `manage.py migrate`."]


def test_a_silent_database_is_named(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise OperationalError("a secret address")

    monkeypatch.setattr(health, "_is_migrated", refuse)
    monkeypatch.setattr(connection, "close", lambda: None)

    assert _problems(client) == ["The database does not answer."]
    assert client.get("/healthz").json() == {"status": "ok"}


def test_a_load_balancer_that_knows_only_our_address_is_answered(db: None, client: Client) -> None:
    _seen(seconds_ago=1)

    for path, host in (("/healthz", "10.0.0.7"), ("/readyz", "10.0.0.7:8000"), ("/readyz", "x_y")):
        assert client.get(path, headers={"host": host}).status_code == 200
    assert client.get("/docs", headers={"host": "10.0.0.7"}).status_code == 400
