"""An organization is told when its money or a budget runs out: once per crossing, in an event and by mail."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_keys, organizations
from accounts.models import Event, Organization, OwedMail, Role
from billing import alerts, balances, budgets, ledger, tasks
from billing.models import Alert, Grant, Wallet
from tests.billing.moves import hold_for, owe
from tests.race import race
from tests.world import deposit, make_user

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 17, 14, 32, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOW) as clock:
        yield clock


def watch(organization: Organization) -> list[str]:
    """What it is told now. Told again at once, it is told nothing."""
    told = alerts.watch(organization)
    assert alerts.watch(organization) == []
    assert organization.pk not in alerts.due()
    return told


def limit(
    organization: Organization, scope: str, id: str, microusd: int | None, period: str = "month"
) -> None:
    budgets.set_limit(organization, scope, id, limit_microusd=microusd, period=period)


def data(type: str) -> dict[str, Any]:
    found: dict[str, Any] = Event.objects.filter(type=type).latest("id").data
    return found


# -- the balance ----------------------------------------------------------------------------------


def test_the_balance_tells_on_its_way_down_and_once_when_it_is_back(acme: Organization) -> None:
    assert watch(acme) == []
    hold_for(acme, "work:1", 20_000_000)
    assert watch(acme) == []  # exactly $5.00: not less
    hold_for(acme, "work:2", 1)
    assert watch(acme) == ["balance.low"]
    hold_for(acme, "work:3", 4_000_000)
    assert watch(acme) == []
    hold_for(acme, "work:4", 600_000)
    assert watch(acme) == ["balance.exhausted"]
    deposit(acme, "1.00")
    assert watch(acme) == []  # still low, and told so before
    deposit(acme, "3.60")
    assert watch(acme) == []  # $4.999999
    deposit(acme, "0.000001")
    assert watch(acme) == ["balance.recovered"]
    hold_for(acme, "work:5", 4_999_999)
    assert watch(acme) == ["balance.exhausted"]


def test_the_event_has_the_numbers(acme: Organization) -> None:
    hold_for(acme, "work:1", 20_000_001)

    watch(acme)

    assert data("balance.low") == {
        "object": "balance",
        "available_usd": "4.999999",
        "held_usd": "20.000001",
        "debt_usd": "0.0000",
        "threshold_usd": "5.0000",
    }


def test_a_debt_is_as_good_as_nothing_left(acme: Organization) -> None:
    owe(acme, "dispute:1", 1_000_000)
    assert watch(acme) == ["balance.exhausted"]
    deposit(acme, "1.00")
    assert watch(acme) == ["balance.recovered"]


def test_credits_that_expire_are_told_of(acme: Organization, clock: Any) -> None:
    new = organizations.create("New", owner=make_user())
    soon = datetime(2026, 6, 18, tzinfo=UTC)
    grant = deposit(new, "10.00", kind=Grant.Kind.PROMOTIONAL, expires_at=soon)
    assert watch(new) == []
    clock.move_to(soon)
    ledger.expire(grant)
    assert watch(new) == ["balance.exhausted"]


def test_the_cheapest_hold_is_what_the_room_to_the_right_sells(db: None) -> None:
    from generations import catalog, rate_cards

    card = rate_cards.list_card(timezone.now())
    cheapest = min(
        card.rule_for(model, resolution).rate_microusd_per_second
        for model in catalog.MODELS
        for resolution in model.resolutions
    )
    assert cheapest * catalog.SECONDS_MIN == alerts.CHEAPEST_MICROUSD


# -- budgets --------------------------------------------------------------------------------------


def test_a_budget_tells_at_50_80_and_100_percent_of_spent_and_held(acme: Organization) -> None:
    limit(acme, "organization", acme.pk, 10_000_000)
    hold_for(acme, "work:1", 4_999_999)
    assert watch(acme) == []
    hold_for(acme, "work:2", 1)
    assert watch(acme) == ["budget.threshold"]
    assert data("budget.threshold")["percent"] == 50
    ledger.capture(acme, "work:1", amount_microusd=4_999_999)
    assert watch(acme) == []
    hold_for(acme, "work:3", 3_000_000)
    assert watch(acme) == ["budget.threshold"]
    assert data("budget.threshold")["percent"] == 80
    hold_for(acme, "work:4", 2_000_000)
    assert watch(acme) == ["budget.threshold", "budget.exceeded"]
    assert data("budget.exceeded") == {
        "object": "budget",
        "scope": "organization",
        "id": acme.pk,
        "limit_usd": "10.0000",
        "period": "month",
        "spent_usd": "4.999999",
        "held_usd": "5.000001",
        "left_usd": "0.0000",
        "resets_at": "2026-07-01T00:00:00.000Z",
        "inherited": False,
        "percent": 100,
    }


def test_a_budget_in_which_nothing_fits_any_more_is_exceeded(acme: Organization) -> None:
    limit(acme, "organization", acme.pk, 10_000_000)
    hold_for(acme, "work:1", 9_548_400)  # $0.4516 is left
    assert watch(acme) == ["budget.threshold"]
    hold_for(acme, "work:2", 1)
    assert watch(acme) == ["budget.threshold", "budget.exceeded"]


def test_what_comes_back_arms_it_again(acme: Organization) -> None:
    limit(acme, "organization", acme.pk, 10_000_000)
    hold_for(acme, "work:1", 5_000_000)
    assert watch(acme) == ["budget.threshold"]
    ledger.release(acme, "work:1")
    assert watch(acme) == []
    hold_for(acme, "work:2", 5_000_000)
    assert watch(acme) == ["budget.threshold"]


def test_a_new_period_arms_it_again(acme: Organization, clock: Any) -> None:
    limit(acme, "organization", acme.pk, 10_000_000, "day")
    hold_for(acme, "work:1", 5_000_000)
    assert watch(acme) == ["budget.threshold"]
    clock.move_to(datetime(2026, 6, 18, tzinfo=UTC))
    hold_for(acme, "work:2", 4_000_000)
    assert watch(acme) == []
    hold_for(acme, "work:3", 1_000_000)
    assert watch(acme) == ["budget.threshold"]
    alert = Alert.objects.get(kind="budget")
    assert (alert.level, str(alert.period_started_on)) == (50, "2026-06-18")


def test_a_limit_that_is_lowered_tells_without_any_money_moving(acme: Organization) -> None:
    hold_for(acme, "work:1", 5_000_000)
    limit(acme, "organization", acme.pk, 20_000_000)
    assert watch(acme) == []

    limit(acme, "organization", acme.pk, 3_000_000)

    assert alerts.due() == [acme.pk]
    assert watch(acme) == ["budget.threshold", "budget.exceeded"]
    limit(acme, "organization", acme.pk, None)
    assert watch(acme) == []
    limit(acme, "organization", acme.pk, 6_000_000)
    assert watch(acme) == ["budget.threshold"]


def test_the_budget_for_every_end_user_tells_of_each(acme: Organization) -> None:
    hold_for(acme, "work:1", 1_000_000, end_user_id="u_1")
    hold_for(acme, "work:2", 100_000, end_user_id="u_2")
    hold_for(acme, "work:3", 1_000_000, end_user_id="u_3")
    limit(acme, "end_user", "u_3", 100_000_000)
    limit(acme, "end_user", "*", 2_000_000)

    assert watch(acme) == ["budget.threshold"]
    assert (data("budget.threshold")["id"], data("budget.threshold")["percent"]) == ("u_1", 50)
    hold_for(acme, "work:4", 1_000_000, end_user_id="u_2")
    assert watch(acme) == ["budget.threshold"]
    assert data("budget.threshold")["id"] == "u_2"


def test_members_and_keys_have_budgets_that_tell(acme: Organization) -> None:
    member = acme.memberships.get()
    key, _ = api_keys.issue(acme, "backend")
    limit(acme, "member", member.pk, 2_000_000)
    limit(acme, "api_key", key.pk, 2_000_000)
    watch(acme)
    hold_for(acme, "work:1", 1_000_000, member_id=member.pk)
    assert watch(acme) == ["budget.threshold"]
    assert data("budget.threshold")["scope"] == "member"
    hold_for(acme, "work:2", 1_000_000, api_key_id=key.pk)
    assert watch(acme) == ["budget.threshold"]
    assert data("budget.threshold")["scope"] == "api_key"


def test_a_budget_that_denies_is_no_news(acme: Organization) -> None:
    hold_for(acme, "work:1", 1_000_000)
    limit(acme, "organization", acme.pk, 0)
    assert watch(acme) == []


def test_the_budget_of_each_key_tells_of_the_one_that_used_it(acme: Organization) -> None:
    hold_for(acme, "work:1", 1_000_000, api_key_id="key_1")
    hold_for(acme, "work:2", 1_000_000, api_key_id="key_2")
    limit(acme, "api_key", "key_2", 9_000_000)

    limit(acme, "api_key", "*", 2_000_000)

    assert watch(acme) == ["budget.threshold"]
    assert Event.objects.get().data["id"] == "key_1"
    assert watch(acme) == []


def test_a_refused_hold_tells_nothing(acme: Organization) -> None:
    limit(acme, "organization", acme.pk, 1_000_000)
    watch(acme)
    assert hold_for(acme, "work:1", 2_000_000) == "budget_exceeded"

    assert alerts.due() == []
    assert not Event.objects.exists()


# -- the sweep ------------------------------------------------------------------------------------


def test_only_organizations_whose_money_moved_are_looked_at(
    acme: Organization, rival: Organization
) -> None:
    tasks.watch_money()
    assert alerts.due() == []
    hold_for(acme, "work:1", 1_000_000)
    assert alerts.due() == [acme.pk]

    tasks.watch_money()

    assert alerts.due() == []
    with CaptureQueriesContext(connection) as queries:
        tasks.watch_money()
    assert len(queries) == 2


def test_one_organization_that_fails_stops_no_other(
    acme: Organization, rival: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_for(rival, "work:1", 1_000_000)
    real = balances.of

    def broken(organization: Organization) -> balances.Balance:
        if organization == acme:
            raise RuntimeError("broken")
        return real(organization)

    monkeypatch.setattr(balances, "of", broken)

    tasks.watch_money()

    assert list(Event.objects.values_list("organization", "type")) == [(rival.pk, "balance.low")]
    assert alerts.due() == [acme.pk]


@pytest.mark.django_db(transaction=True)
def test_many_sweeps_at_once_tell_once(acme: Organization) -> None:
    limit(acme, "organization", acme.pk, 21_000_000)
    hold_for(acme, "work:1", 20_500_000)

    told = race([partial(alerts.watch, acme)] * 8)

    assert sorted(map(len, told)) == [0] * 7 + [2]  # type: ignore[arg-type]
    types = Event.objects.values_list("type", flat=True)
    assert sorted(types) == ["balance.low", "budget.threshold"]
    wallet = Wallet.objects.get(organization=acme)
    assert wallet.watched_number == wallet.transfers_count


# -- mails ----------------------------------------------------------------------------------------


def test_whoever_looks_after_the_money_gets_a_mail_from_the_queue(
    acme: Organization, run_queue: Callable[[], int]
) -> None:
    people = {role: make_user(f"{role}@acme.example") for role in Role}
    for role, user in people.items():
        organizations.add_member(acme, user, role)
    gone = make_user("gone@acme.example")
    organizations.add_member(acme, gone, Role.ADMIN)
    gone.is_active = False
    gone.save()
    hold_for(acme, "work:1", 20_000_001)

    watch(acme)
    assert mail.outbox == []
    run_queue()

    owner = acme.memberships.order_by("id")[0].user.email
    assert sorted(message.to[0] for message in mail.outbox) == sorted(
        [owner, "owner@acme.example", "admin@acme.example", "billing@acme.example"]
    )
    assert all(len(message.recipients()) == 1 for message in mail.outbox)
    message = mail.outbox[0]
    assert message.subject == "Credits run low (Acme)"
    assert "Available: $4.999999" in message.body
    assert "/billing" in message.body
    html, kind = message.alternatives[0]  # type: ignore[attr-defined]
    assert kind == "text/html"
    assert "<td>$4.999999</td>" in html


@pytest.mark.parametrize(
    ("microusd", "subject"),
    [
        (6_000_000, "50% of the budget of {member} is used (Acme)"),
        (10_000_000, "The budget of {member} is used up (Acme)"),
    ],
)
def test_a_budget_mails_once_per_crossing_and_says_whose(
    acme: Organization, run_queue: Callable[[], int], microusd: int, subject: str
) -> None:
    member = acme.memberships.get()
    limit(acme, "member", member.pk, 10_000_000)
    hold_for(acme, "work:1", microusd, member_id=member.pk)

    watch(acme)
    run_queue()

    assert [message.subject for message in mail.outbox] == [subject.format(member=member.user)]
    assert "Limit: $10.0000 a month" in mail.outbox[0].body
    assert "Resets: 2026-07-01, 00:00 UTC" in mail.outbox[0].body


def test_names_in_a_mail_are_only_text(
    run_queue: Callable[[], int], make_organization: Callable[..., Organization]
) -> None:
    organization = make_organization("<b>Bold & Co</b>", credits_usd="1.00")

    watch(organization)
    run_queue()

    message = mail.outbox[0]
    assert "<b>Bold & Co</b>" in message.body
    assert "&lt;b&gt;Bold &amp; Co&lt;/b&gt;" in message.alternatives[0][0]  # type: ignore[attr-defined]


def test_a_mail_rolls_back_with_its_event(acme: Organization, monkeypatch: Any) -> None:
    hold_for(acme, "work:1", 20_000_001)
    monkeypatch.setattr(alerts, "_subjects_since", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        alerts.watch(acme)

    assert not Event.objects.exists()
    assert not OwedMail.objects.exists()
