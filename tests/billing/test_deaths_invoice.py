"""A process dies in the life of a line or of its invoice: Stripe asks once for what was used, to the cent."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Event, Organization
from billing import credit_lines, tasks
from billing.models import CreditLine, Invoice, MeterEvent, StripeEvent, Transfer
from seedance_saas.simulators.stripe.deliveries import Delivery
from tests.billing.moves import used
from tests.deaths import at_moments, compare, each_death, lose_tasks, newest_task, recover, work
from tests.stripe_account import VISA, StripeAccount
from tests.world import money

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


def approve(organization: Organization) -> None:
    owner = organization.memberships.get().user
    credit_lines.approve(organization, limit_cents=100_00, net_days=14, actor=owner)


@at_moments
def test_while_a_line_is_opened(
    make_organization: Callable[..., Organization],
    stripe_account: StripeAccount,
    hours: time_machine.Traveller,
    every: int,
) -> None:
    """The operator approves again if it is not there; of every other one the task is lost."""
    organizations = []
    for killer in each_death(stripe_account, every=every):
        organization = make_organization(credits_usd="0.00")
        after = newest_task()
        with killer:
            approve(organization)
            work(after)
        if killer.at % 2:
            lose_tasks(after)
        if not CreditLine.objects.filter(organization=organization).exists():
            assert money(organization) == (0, 0)
            approve(organization)
        organizations.append(organization)

    assert len(organizations) * every > 30
    recover(hours)
    subscriptions = stripe_account.client.v1.subscriptions.list({"limit": 100, "status": "all"})
    ours = CreditLine.objects.values_list("subscription_id", flat=True)
    assert sorted(one.id for one in subscriptions.auto_paging_iter()) == sorted(ours)
    assert set(CreditLine.objects.values_list("state", flat=True)) == {"open"}
    assert {money(organization) for organization in organizations} == {(100_000_000, 0)}
    assert compare() == []


class Month:
    """Some organizations with a line, of which $50.00 were used in May; Stripe's meter knows of $40.00 of it."""

    def __init__(
        self,
        make_organization: Callable[..., Organization],
        account: StripeAccount,
        hours: time_machine.Traveller,
        count: int,
    ) -> None:
        self.account, self.hours = account, hours
        self.organizations = [make_organization(credits_usd="0.00") for _ in range(count)]
        for number, organization in enumerate(self.organizations):
            approve(organization)
            work()
            used(organization, f"told:{number}", 40_000_000)
            used(organization, f"late:{number}", 10_000_000)
        priced = MeterEvent.objects.filter(meter="invoiced")
        priced.filter(reference__startswith="late:").update(state="too_late")
        tasks.send_meter_events()

    def go_to(self, hour: int, minute: int) -> None:
        """On the first of June."""
        self.hours.move_to(datetime(2026, 6, 1, hour, minute, tzinfo=UTC))

    def waiting(self, event_type: str) -> list[Delivery]:
        return [one for one in self.account.waiting() if one.event_type == event_type]

    def pay_all(self) -> None:
        form = {"number": VISA, "expiry": "12/34", "cvc": "123"}
        for invoice in Invoice.objects.all():
            page = "/" + invoice.hosted_url.split("/", 4)[4]
            assert self.account.web("POST", page, data=form).status_code < 400

    def there(self) -> list[tuple[str | None, int]]:
        """(status, cents) of every invoice at Stripe."""
        listed = self.account.client.v1.invoices.list({"limit": 100}).auto_paging_iter()
        return [(invoice.status, invoice.total) for invoice in listed]


@pytest.mark.parametrize(
    ("count", "every"), [(16, 6), pytest.param(90, 1, marks=pytest.mark.thorough)]
)
def test_from_its_draft_until_it_is_paid(
    make_organization: Callable[..., Organization],
    stripe_account: StripeAccount,
    hours: time_machine.Traveller,
    count: int,
    every: int,
) -> None:
    """Every step of the invoices dies at another moment, and recovers before the next one."""
    month = Month(make_organization, stripe_account, hours, count)
    deaths = []

    month.go_to(0, 1)
    for killer, delivery in zip(
        each_death(stripe_account, every=every), month.waiting("invoice.created"), strict=False
    ):
        after = newest_task()
        with killer:
            stripe_account.deliver([delivery])
            work(after)
        lose_tasks(after)
    deaths.append(killer)
    stripe_account.deliver()  # Stripe sends again what was not answered
    recover(hours)
    assert month.there() == [("draft", 40_00)] * count
    assert Invoice.objects.filter(state="draft").count() == count

    month.go_to(1, 10)
    for killer, invoice in zip(
        each_death(stripe_account, every=every), Invoice.objects.order_by("id"), strict=False
    ):
        with killer:
            tasks.follow_invoice(invoice.stripe_id)
    deaths.append(killer)
    recover(hours)
    assert month.there() == [("open", 50_00)] * count
    assert set(Invoice.objects.values_list("state", "usage_microusd", "correction_cents")) == {
        ("open", 50_000_000, 10_00)
    }

    month.pay_all()
    for killer, delivery in zip(
        each_death(stripe_account, every=every), month.waiting("invoice.paid"), strict=False
    ):
        after = newest_task()
        with killer:
            stripe_account.deliver([delivery])
            work(after)
        lose_tasks(after)
    deaths.append(killer)
    recover(hours)
    hours.shift(13 * 3600)
    recover(hours, minutes=2)

    assert not any(killer.has_killed for killer in deaths), "there were too few invoices"
    assert [killer.at > least for killer, least in zip(deaths, (15, 50, 25), strict=True)] == [
        True
    ] * 3
    assert month.there() == [("paid", 50_00)] * count
    assert set(
        Invoice.objects.values_list("state", "amount_cents", "asked_cents", "is_settled")
    ) == {("paid", 50_00, 50_00, True)}
    payments = Transfer.objects.filter(kind="payment").values_list("amount_microusd", flat=True)
    assert list(payments) == [50_000_000] * count
    assert not Transfer.objects.filter(kind="write_off").exists()
    assert {money(organization) for organization in month.organizations} == {(100_000_000, 0)}
    for told in ("invoice.issued", "invoice.paid"):
        assert Event.objects.filter(type=told).count() == count
    assert not StripeEvent.objects.exclude(state="handled").exists()
    assert timezone.now() < datetime(2026, 6, 2, tzinfo=UTC)
    assert compare() == []
