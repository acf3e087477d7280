"""The printable receipt: every number of the API's receipt, no other, and for nobody else."""

import re
from collections.abc import Callable
from typing import Any

from django.test import Client

from accounts.models import Organization, Role
from generations import lifecycle, quotes, receipts, requests
from generations.models import Generation
from tests.pages.conftest import end, text
from tests.upstream import Upstream

Make = Callable[..., Generation]
NUMBER = re.compile(r"\$[0-9][0-9.]*")


def amounts(value: Any) -> set[str]:
    """Every amount of a receipt, without its sign."""
    if isinstance(value, dict):
        found = [amounts(part) for part in value.values()]
        own = {f"${part.lstrip('-')}" for name, part in value.items() if "usd" in name and part}
        return own.union(*found)
    return set().union(*map(amounts, value)) if isinstance(value, list) else set()


def test_a_finished_one_is_billed_on_paper(
    acme: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = end(running(acme), upstream, run_queue)
    receipt = receipts.receipt(generation)

    page = text(browser(acme).get(f"/generations/{generation.id}/receipt"))

    assert "<dt>Organization</dt><dd>Acme</dd>" in page
    assert generation.id in page
    assert "<dt>Requested</dt> <dd>4 s, 480p</dd>" in page
    assert "<dt>Measured</dt> <dd>4.0 s, " in page
    assert "fast 480p, $0.1129 per second" in page
    assert "<dt>Held: 4 s × $0.1129</dt><dd>$0.4516</dd>" in page
    assert "<dt>Released</dt><dd>$0.0000</dd>" in page
    assert "<dt>Charged: 4 s × $0.1129</dt> <dd>$0.4516</dd>" in page
    assert "1 at EachLabs" in page
    assert "Succeeded" in page
    assert [transfer["kind"] for transfer in receipt["transfers"]] == ["hold", "capture"]
    for transfer in receipt["transfers"]:
        assert transfer["id"] in page
    assert "−$0.4516" in page
    assert page.count(" UTC</td>") == 4
    assert "Not charged." not in page
    assert "bound the price" not in page


def test_it_shows_no_amount_that_the_api_does_not_have(
    acme: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = end(running(acme), upstream, run_queue)

    page = text(browser(acme).get(f"/generations/{generation.id}/receipt"))

    assert set(NUMBER.findall(page)) == amounts(receipts.receipt(generation))


def test_a_failed_one_says_why_it_cost_nothing_and_by_which_policy(
    acme: Organization,
    browser: Callable[..., Client],
    running: Make,
    upstream: Upstream,
    run_queue: Callable[[], int],
) -> None:
    generation = end(running(acme), upstream, run_queue, well=False)

    page = text(browser(acme).get(f"/generations/{generation.id}/receipt"))

    assert "<strong>Not charged.</strong> What fails is free." in page
    assert f'<td role="cell" class="mono break">{generation.failure_code}</td>' in page
    assert '<td role="cell">No</td> <td role="cell">No</td>' in page
    assert "<dt>Released</dt><dd>$0.4516</dd>" in page
    assert "<dt>Charged</dt> <dd>$0.0000</dd>" in page
    assert "<dd>No video</dd>" in page


def test_one_that_still_runs_is_charged_nothing_so_far(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    generation = queued(acme)

    page = text(browser(acme).get(f"/generations/{generation.id}/receipt"))

    assert "<dt>Settled</dt><dd>Not yet</dd>" in page
    assert "<dt>Released</dt><dd>—</dd>" in page
    assert "<dt>Charged so far</dt> <dd>$0.0000</dd>" in page
    assert 'id="attempts"' not in page


def test_a_quote_is_named_with_what_it_bound(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    body = {"model": "seedance-2.0-fast-text-to-video", "prompt": "a kite", "resolution": "480p"}
    quote = quotes.of(acme, requests.read(body))
    quotes.keep(quote)
    made = lifecycle.create_generations(acme, requests.read({**body, "quote_id": quote.id}))[0]

    page = text(browser(acme).get(f"/generations/{made.id}/receipt"))

    assert f"{quote.id}</span> bound the price to $0.1129 per second, 15 s and $1.6935" in page
    assert "Duration auto, 480p" in page


def test_a_strangers_receipt_is_not_there(
    acme: Organization, rival: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    theirs = queued(rival)

    assert browser(acme).get(f"/generations/{theirs.id}/receipt").status_code == 404
    assert browser(rival, Role.VIEWER).get(f"/generations/{theirs.id}/receipt").status_code == 200


def test_the_generation_and_the_ledger_lead_to_it(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    generation = queued(acme)
    client = browser(acme)
    link = f'href="/generations/{generation.id}/receipt">'

    assert f"{link}Print or save</a>" in text(client.get(f"/generations/{generation.id}"))
    assert f"{link}receipt</a>" in text(client.get("/billing"))


def test_the_sheet_needs_no_script_and_has_nothing_inline(
    acme: Organization, browser: Callable[..., Client], queued: Make
) -> None:
    page = text(browser(acme).get(f"/generations/{queued(acme).id}/receipt"))

    assert "<script" not in page
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)
