"""What must not grow slower with what is stored, and what a create says to the database."""

import base64
import json
from collections.abc import Callable
from datetime import date, timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import api_keys
from accounts.models import Organization
from billing import usage
from billing.models import Wallet
from tests.benchmarks import crowd, money

BODY = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": "a red kite over a beach",
    "resolution": "480p",
    "duration": 4,
    "end_user_id": "ann",
}


def create_round_trips() -> int:
    """Messages to the database for one create through the API, BEGIN and COMMIT included."""
    client, headers = caller(money.organization())
    counts = []
    for _ in range(crowd.ROUNDS):
        with CaptureQueriesContext(connection) as queries:
            answer = client.post(
                "/api/v1/generations",
                json.dumps(BODY),
                content_type="application/json",
                headers=headers,
            )
        assert answer.status_code == 201, answer.content
        counts.append(len(queries))
    return max(counts[1:])  # at its first use a key is noted


def usage_month(organization: Organization, first: date) -> Callable[[], float]:
    """The month's usage by end user, in milliseconds (p95)."""

    def report() -> None:
        rows = list(usage.report(organization, first, first + timedelta(days=30), ["end_user_id"]))
        assert len(rows) == 100, len(rows)

    return lambda: crowd.p95_milliseconds(report)


def deep_page(organization: Organization) -> Callable[[], float]:
    """A page near the oldest end of the transfers, through the API, in milliseconds (p95)."""
    client, headers = caller(organization)
    newest = Wallet.objects.get(pk=organization.pk).transfers_count
    cursor = base64.urlsafe_b64encode(str(newest // 20).encode()).decode()

    def page() -> None:
        address = f"/api/v1/transfers?limit=100&cursor={cursor}"
        answer = client.get(address, headers=headers)
        assert len(json.loads(answer.content)["data"]) == 100

    return lambda: crowd.p95_milliseconds(page)


def caller(organization: Organization) -> tuple[Client, dict[str, str]]:
    _, secret = api_keys.issue(organization, "bench")
    return Client(), {"Authorization": f"Bearer {secret}"}
