"""The price beside Generate can be held: it binds for a quarter of an hour, and says so when it does not."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import Client

from accounts.models import Organization, Role
from billing import budgets
from billing.models import Budget
from generations import quotes, rate_cards, requests
from generations.models import Generation, Quote
from tests.pages.conftest import FORM, text
from tests.prices import flat, publish
from tests.world import money

NOON = datetime(2026, 11, 3, 12, 0, 30, tzinfo=UTC)
CHANGED = "The held price does not bind this."


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON) as clock:
        yield clock


@pytest.fixture
def later() -> Iterator[time_machine.Traveller]:
    """The present, which the database shares: it checks that prices begin with notice."""
    with time_machine.travel(datetime.now(UTC)) as clock:
        yield clock
    rate_cards.forget_cached()


def hold(client: Client, **typed: str) -> dict[str, str]:
    """Press "Hold this price", and what the form holds then."""
    answer = client.post("/create/quote-bind", {**FORM, **typed})
    assert answer.status_code == 200, text(answer)
    return {**FORM, **typed, **hidden(text(answer))}


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(token|quote_id)" value="([^"]*)"', page))


def test_the_form_offers_to_hold_its_price(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    page = text(browser(acme).get("/create"))

    assert 'formaction="/create/quote-bind"' in page
    assert "Hold this price for 15 minutes" in page
    assert hidden(page)["quote_id"] == ""
    assert not Quote.objects.exists()


def test_a_held_price_says_how_much_and_until_when_and_holds_no_credits(
    acme: Organization, browser: Callable[..., Client], clock: time_machine.Traveller
) -> None:
    answer = browser(acme).post("/create/quote-bind", FORM)

    quote = Quote.objects.get()
    page = text(answer)
    assert answer.status_code == 200
    assert hidden(page)["quote_id"] == quote.id
    assert "Bound: <strong>$0.4516</strong> at most until" in page
    assert ">12:15 UTC</time>" in page
    assert "4 s × $0.1129 by the fast 480p rule of 2026-05-28" in page
    assert "Your credits and budgets admit it now." in page
    assert "a red kite over a beach</textarea>" in page
    assert "Hold this price for" not in page
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_what_was_held_is_what_it_costs_however_prices_move(
    acme: Organization, browser: Callable[..., Client], later: time_machine.Traveller
) -> None:
    client = browser(acme)
    form = hold(client)
    publish(flat("2026-12", 300_000), later)
    assert "$1.20</span>" in text(client.post("/create/quote", FORM))

    answer = client.post("/create", form)

    made = Generation.objects.get()
    assert answer.url == f"/create?after={made.id}"  # type: ignore[attr-defined]
    assert made.quote_id == form["quote_id"]
    assert made.held_microusd == 451_600
    assert money(acme) == (24_548_400, 451_600)


def test_another_request_is_refused_in_words_and_held_afresh(
    acme: Organization, browser: Callable[..., Client], clock: time_machine.Traveller
) -> None:
    client = browser(acme)
    form = hold(client)

    answer = client.post("/create", {**form, "prompt": "a blue kite", "duration": "5"})

    page = text(answer)
    fresh = hidden(page)
    assert answer.status_code == 409
    assert CHANGED in page
    assert "It was for another request: the duration and the prompt changed since." in page
    assert "A new one is held; press Generate to take it." in page
    assert "Bound: <strong>$0.5645</strong> at most until" in page
    assert "a blue kite</textarea>" in page
    assert fresh["quote_id"] != form["quote_id"]
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)

    client.post("/create", {**form, **fresh, "prompt": "a blue kite", "duration": "5"})
    assert Generation.objects.get().held_microusd == 564_500


def test_an_expired_price_is_refused_in_words_and_held_afresh(
    acme: Organization, browser: Callable[..., Client], clock: time_machine.Traveller
) -> None:
    client = browser(acme)
    form = hold(client)
    clock.shift(quotes.BINDS)

    answer = client.post("/create", form)

    page = text(answer)
    assert answer.status_code == 409
    assert "It was held until 12:15 UTC." in page
    assert "A new one is held; press Generate to take it." in page
    assert ">12:30 UTC</time>" in page
    assert "a red kite over a beach</textarea>" in page
    assert not Generation.objects.exists()
    assert money(acme) == (25_000_000, 0)


def test_a_strangers_quote_binds_nothing(
    acme: Organization, rival: Organization, browser: Callable[..., Client]
) -> None:
    body = {"model": "seedance-2.0-fast-text-to-video", "prompt": "a red kite over a beach"}
    theirs = quotes.of(rival, requests.read({**body, "resolution": "480p", "duration": 4}))
    quotes.keep(theirs)

    answer = browser(acme).post("/create", {**FORM, "quote_id": theirs.id})

    assert answer.status_code == 404
    assert "No such quote is kept for this organization." in text(answer)
    assert hidden(text(answer))["quote_id"] != theirs.id
    assert not Generation.objects.exists()


def test_while_typing_the_price_says_whether_it_still_binds(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    client = browser(acme)
    form = hold(client)

    changed = text(client.post("/create/quote", {**form, "duration": "15"}))
    assert "It was for another request: the duration changed since." in changed
    assert 'up to <span class="money">$1.70</span>' in changed
    assert "Hold this price for 15 minutes" in changed
    back = text(client.post("/create/quote", form))
    assert CHANGED not in back
    assert "Bound: <strong>$0.4516</strong>" in back
    assert Quote.objects.count() == 1


def test_every_budget_that_would_apply_stands_beside_it(
    acme: Organization, browser: Callable[..., Client], clock: time_machine.Traveller
) -> None:
    client = browser(acme)
    month, day = Budget.Period.MONTH, Budget.Period.DAY
    whole = Budget.Scope.ORGANIZATION
    budgets.set_limit(acme, whole, acme.pk, limit_microusd=10_000_000, period=month)
    user = Budget.Scope.END_USER
    budgets.set_limit(acme, user, "u_9f2c", limit_microusd=400_000, period=day)

    page = text(client.post("/create/quote-bind", {**FORM, "end_user_id": "u_9f2c"}))

    assert (
        "The budget of Acme is $10.0000 a month: $0.0000 spent, $0.0000 held, $10.0000 left; "
        "it resets 1 Dec 2026, 00:00:00 UTC."
    ) in page
    assert 'end user <span class="mono break">u_9f2c</span> is $0.4000 a day' in page
    assert "it resets 4 Nov 2026, 00:00:00 UTC." in page
    assert "As things stand it would be refused" in page


def test_a_fault_is_told_instead_of_holding_a_price(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    answer = browser(acme).post("/create/quote-bind", {**FORM, "prompt": " "})

    assert answer.status_code == 400
    assert "The prompt is required" in text(answer)
    assert not Quote.objects.exists()


def test_who_may_not_spend_holds_no_price(
    acme: Organization, browser: Callable[..., Client]
) -> None:
    assert browser(acme, Role.VIEWER).post("/create/quote-bind", FORM).status_code == 403
    assert not Quote.objects.exists()


def test_a_reload_starts_anew(acme: Organization, browser: Callable[..., Client]) -> None:
    assert browser(acme).get("/create/quote-bind").url == "/create"  # type: ignore[attr-defined]
