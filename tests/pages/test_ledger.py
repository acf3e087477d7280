"""The ledger's page and file show every movement, and only ours."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from accounts.models import Organization
from billing.models import Grant
from generations.models import Generation
from tests.pages.conftest import text
from tests.world import deposit

Make = Callable[..., Generation]


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/billing/transfers.csv{query}")
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content)))


def test_grants_stand_in_burn_order_with_their_expiry(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    soon = timezone.now() + timedelta(days=30)
    deposit(acme, "1.00", kind=Grant.Kind.PROMOTIONAL, expires_at=soon)
    queued(acme)

    page = text(browser(acme).get("/billing"))

    assert page.index("Promotional<small") < page.index("Purchased<small")
    assert f"{soon.day} {soon:%b %Y}" in page
    assert "$25.54<small>84</small>" in page  # available
    assert "$0.54<small>84</small>" in page  # left of the promotion


def test_every_transfer_links_to_its_generation(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    generation = queued(acme)

    page = text(browser(acme).get("/billing"))

    assert f'href="/generations/{generation.id}"' in page
    assert "−$0.45<small>16</small>" in page
    assert "+$0.45<small>16</small>" in page
    assert "+$25.00<small>00</small>" in page


def test_the_file_has_what_the_filter_shows(
    acme: Organization, rival: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    generation = queued(acme)
    queued(rival)
    client = browser(acme)

    assert [row["kind"] for row in rows(client)] == ["hold", "deposit"]
    assert [row["kind"] for row in rows(client, "?kind=deposit")] == ["deposit"]
    held = rows(client, f"?reference={generation.id}")
    assert [(row["amount_usd"], row["balance_after_usd"]) for row in held] == [
        ("-0.4516", "24.5484")
    ]
    assert "/billing/transfers.csv?kind=deposit" in text(client.get("/billing?kind=deposit"))


def test_older_transfers_come_by_a_link(acme: Organization, browser: Callable[..., Client]) -> None:
    for _ in range(50):
        deposit(acme, "0.01")
    client = browser(acme)

    first = text(client.get("/billing"))
    link = first.split('id="more"><a class="btn" href="')[1].split('"')[0]
    second = text(client.get(link))

    assert first.count('data-label="After"') == 50
    assert second.count('data-label="After"') == 1
    assert "Load more" not in second
    assert "<nav" not in text(client.get(link, headers={"HX-Request": "true"}))


def test_before_any_money_the_page_says_what_will_stand_there(
    make_organization: Callable[..., Organization], browser: Callable[..., Client]
) -> None:
    new = make_organization("New", credits_usd="0")
    assert "No money has moved yet" in text(browser(new).get("/billing"))
