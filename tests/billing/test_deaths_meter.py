"""A process dies while usage is told to Stripe: each use is on its meters once, and taken off them once."""

from collections.abc import Callable

import pytest
import time_machine

from accounts.models import Organization
from billing import credit_lines, tasks, usage_reports
from billing.models import MeterEvent, StripeEvent
from tests.billing.moves import used
from tests.deaths import compare, each_death, lose_tasks, newest_task, recover, work
from tests.stripe_account import StripeAccount
from tests.world import money

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]
SPENT = 250_000  # micro-dollars of each use


@pytest.fixture
def line(
    make_organization: Callable[..., Organization],
    stripe_account: StripeAccount,
    hours: time_machine.Traveller,
) -> Organization:
    """An organization with nothing but a line of $100.00."""
    organization = make_organization(credits_usd="0.00")
    owner = organization.memberships.get().user
    credit_lines.approve(organization, limit_cents=100_00, net_days=14, actor=owner)
    work()
    assert money(organization) == (100_000_000, 0)
    return organization


def on_meters(account: StripeAccount) -> dict[str, list[str]]:
    """The identifiers that count on each of Stripe's meters, in order."""
    counted: dict[str, list[str]] = {"seedance_usage": [], "seedance_usage_invoiced": []}
    for event in account.web("GET", "/control/meter_events").json()["data"]:
        if event["refusal"] is None and not event["canceled"]:
            counted[event["event_name"]].append(event["identifier"])
    return {name: sorted(identifiers) for name, identifiers in counted.items()}


def ours(meter: str) -> list[str]:
    events = MeterEvent.objects.filter(meter=meter).exclude(state="canceled")
    return sorted(event.identifier for event in events)


def test_while_it_is_settled_and_sent(
    line: Organization, stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """Whoever settles comes again; the outbox is emptied by the hours."""
    deaths = 0
    for killer in each_death(stripe_account):
        work_id = f"work:{killer.at}"
        with killer:
            used(line, work_id, SPENT)
            tasks.send_meter_events()
        if not MeterEvent.objects.filter(reference=work_id).exists():
            used(line, work_id, SPENT)
        recover(hours, minutes=4)  # what was taken and not sent is due again after two
        deaths = killer.at

    assert deaths > 15
    counted = on_meters(stripe_account)
    assert counted == {
        "seedance_usage": ours("usage"),
        "seedance_usage_invoiced": ours("invoiced"),
    }
    assert len(ours("usage")) == len(ours("invoiced")) == deaths
    assert set(MeterEvent.objects.values_list("state", flat=True)) == {"sent"}
    assert money(line) == (100_000_000 - deaths * SPENT, 0)
    hours.shift(7200)
    assert compare() == []


def test_while_it_is_noted_that_stripe_refused_one(
    line: Organization, stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """Stripe takes it, and says later in an event that it counts for nothing: it is listed, with the reason."""
    deaths = 0
    for killer in each_death(stripe_account):
        used(line, f"work:{killer.at}", SPENT)
        stripe_account.control("meter_events", refuse=1, code="meter_event_invalid_value")
        tasks.send_meter_events()
        hours.shift(60)
        after = newest_task()
        [report] = stripe_account.waiting()
        with killer:
            stripe_account.deliver([report])
            work(after)
        stripe_account.deliver()  # Stripe sends again what was not answered
        if killer.at % 2:
            lose_tasks(after)
        recover(hours, minutes=4)
        deaths = killer.at

    assert deaths > 12
    refused = MeterEvent.objects.filter(state="refused")
    assert refused.count() == deaths
    assert all(event.error.startswith("meter_event_invalid_value: ") for event in refused)
    assert set(StripeEvent.objects.filter(type__startswith="v1.").values_list("state")) == {
        ("handled",)
    }
    assert sum(map(len, on_meters(stripe_account).values())) == deaths
    assert MeterEvent.objects.filter(state="sent").count() == deaths


def test_while_it_is_taken_back(
    line: Organization, stripe_account: StripeAccount, hours: time_machine.Traveller
) -> None:
    """The operator asks again after a death; the priced meter forgets it, the one of all usage does not."""
    owner = line.memberships.get().user
    deaths = 0
    for killer in each_death(stripe_account):
        work_id = f"work:{killer.at}"
        used(line, work_id, SPENT)
        tasks.send_meter_events()
        with killer:
            usage_reports.take_back(line, work_id, reason="A black film", actor=owner)
            work()
        usage_reports.take_back(line, work_id, reason="A black film", actor=owner)
        recover(hours, minutes=2)
        deaths = killer.at

    assert deaths > 15
    assert on_meters(stripe_account) == {
        "seedance_usage": ours("usage"),
        "seedance_usage_invoiced": [],
    }
    assert MeterEvent.objects.filter(meter="invoiced", state="canceled").count() == deaths
    assert MeterEvent.objects.filter(meter="usage", state="sent").count() == deaths
    assert money(line) == (100_000_000, 0)
    hours.shift(7200)
    assert compare() == []
