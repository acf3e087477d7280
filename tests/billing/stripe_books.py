"""What the simulated Stripe has in its books, read from its own rows, and that ours are the same."""

from collections import Counter, defaultdict
from typing import Any

from django.db.models import Sum

from accounts.models import Organization
from billing import balances
from billing.models import Account, Grant, Hold, MeterEvent, Purchase, Reversal, Transfer
from tests.stripe_account import StripeAccount

# What each word of Stripe's says of the money: whether it is away.
REFUNDS = {
    "pending": True,
    "requires_action": True,
    "succeeded": True,
    "failed": False,
    "canceled": False,
}
DISPUTES = {
    "needs_response": True, "under_review": True, "lost": True, "won": False, "warning_closed": False,
    "warning_needs_response": False, "warning_under_review": False,
}  # fmt: skip
NAMES = {
    "refund": {"pending": "pending", "succeeded": "succeeded", "failed": "failed", "canceled": "failed"},
    "dispute": {
        "needs_response": "open", "under_review": "open", "lost": "lost", "won": "won",
        "warning_closed": "won", "warning_needs_response": "inquiry", "warning_under_review": "inquiry",
    },
}  # fmt: skip
METERS = {"seedance_usage": "usage", "seedance_usage_invoiced": "invoiced"}


def objects(account: StripeAccount, kind: str, **where: Any) -> list[dict[str, Any]]:
    return account.simulator.store.select(kind, where)


def assert_equal(account: StripeAccount, organizations: list[Organization]) -> None:
    """To the cent: each purchase with all that went back of it, our accounts, Stripe's balance, the meters."""
    gross_cents = _purchases(account)
    _balance_of_stripe(account, gross_cents)
    for organization in organizations:
        _credits(organization)
    _meters(account)


def _purchases(account: StripeAccount) -> int:
    """Each as it is there; in all, what is left of them there, in cents. Our accounts are that in micro-dollars."""
    paid = defaultdict(list)
    for intent in objects(account, "payment_intent", status="succeeded"):
        if name := intent["metadata"].get("purchase"):
            paid[name].append(intent)
    ours = {row.id: row for row in Purchase.objects.select_related("grant", "bonus_grant")}
    assert paid.keys() <= ours.keys()
    wanted: Counter[str] = Counter()
    left_cents = 0
    for id, purchase in ours.items():
        intents = paid[id]
        assert len(intents) <= 1, f"{id} was paid twice"
        assert (purchase.state == "paid") == bool(intents), (id, purchase.state)
        deposits = Transfer.objects.filter(kind="deposit", reference=purchase.reference).count()
        assert deposits == len(intents), id
        if not intents:
            assert purchase.state in ("failed", "expired"), (id, purchase.state)
            continue
        assert purchase.intent_id == intents[0]["id"]
        assert purchase.total_cents == intents[0]["amount_received"] == purchase.amount_cents
        out = _money_back(account, purchase)
        left_cents += purchase.amount_cents - sum(out.values())
        refunded = min(out["refund"], purchase.amount_cents)
        withdrawn = min(sum(out.values()), purchase.amount_cents)
        assert purchase.withdrawn_microusd == withdrawn * 10_000, (id, out)
        wanted["cash"] += purchase.amount_cents - refunded
        wanted["disputes"] -= withdrawn - refunded
    assert {name: _account(name) for name in ("cash", "disputes")} == {
        name: wanted[name] * 10_000 for name in ("cash", "disputes")
    }
    return left_cents


def _money_back(account: StripeAccount, purchase: Purchase) -> Counter[str]:
    """Cents that are away, by kind. Every refund and dispute is here once, in its state."""
    out: Counter[str] = Counter()
    theirs = {}
    refunds = objects(account, "refund", payment_intent=purchase.intent_id)
    asked = [name for one in refunds if (name := one["metadata"].get("reversal"))]
    assert len(asked) == len(set(asked)), f"{purchase.id} was refunded twice"
    for kind, words in (("refund", REFUNDS), ("dispute", DISPUTES)):
        for one in objects(account, kind, payment_intent=purchase.intent_id):
            theirs[one["id"]] = (kind, NAMES[kind][one["status"]], one["amount"])
            out[kind] += one["amount"] * words[one["status"]]
    rows = Reversal.objects.filter(purchase=purchase)
    assert theirs == {
        row.stripe_id: (row.kind, row.state, row.amount_cents) for row in rows if row.stripe_id
    }
    assert {row.state for row in rows if not row.stripe_id} <= {"failed"}
    return out


def _account(name: str) -> int:
    """What purchases and what went back of them moved, as money that came in (> 0), in micro-dollars."""
    mine = Transfer.objects.filter(reference__regex=r"^(purchase:pur_|refund:|dispute:)")
    sums = [
        mine.filter(**{side: name}).aggregate(total=Sum("amount_microusd", default=0))["total"]
        for side in ("from_account", "to_account")
    ]
    return int(sums[0] - sums[1])


def _balance_of_stripe(account: StripeAccount, left_cents: int) -> None:
    """What Stripe's balance has of our payments, before its fees."""
    intents = {
        intent["id"]
        for intent in objects(account, "payment_intent")
        if intent["metadata"].get("purchase")
    }
    moved = 0
    for line in objects(account, "balance_transaction"):
        source = account.simulator.store.get(line["source"] or "") or {}
        moved += line["amount"] if source.get("payment_intent") in intents else 0
    assert moved == left_cents


def _credits(organization: Organization) -> None:
    """What came in is what is there, held, spent, expired or given back: the debt included."""
    purchases = Purchase.objects.filter(organization=organization, state="paid")
    given = Grant.objects.filter(organization=organization).aggregate(
        total=Sum("amount_microusd", default=0)
    )["total"]
    back = sum(one.withdrawn_microusd + one.bonus_withdrawn_microusd for one in purchases)
    holds = Hold.objects.filter(organization=organization)
    spent = holds.aggregate(total=Sum("captured_microusd", default=0))["total"]
    held = holds.filter(resolved_at=None).aggregate(total=Sum("amount_microusd", default=0))[
        "total"
    ]
    gone = Transfer.objects.filter(organization=organization, kind="expire").aggregate(
        total=Sum("amount_microusd", default=0)
    )["total"]
    off_the_line = Transfer.objects.filter(
        organization=organization, kind="claw_back", to_account="receivable"
    ).aggregate(total=Sum("amount_microusd", default=0))["total"]
    left = Account.objects.filter(organization=organization, kind="grant").aggregate(
        total=Sum("balance_microusd", default=0)
    )["total"]
    debt = balances.of(organization).debt_microusd
    assert left - debt == given - back - spent - held - gone - off_the_line


def _meters(account: StripeAccount) -> None:
    """Each event is counted there once with its value. One that came too late may be there or not."""
    rows = account.simulator.store.connection.execute(
        "SELECT identifier, event_name, value FROM meter_events WHERE refusal IS NULL AND NOT canceled"
    ).fetchall()
    theirs = {row["identifier"]: (METERS[row["event_name"]], int(row["value"])) for row in rows}
    assert len(theirs) == len(rows), "an event was counted twice"
    ours = {one.identifier: (one.meter, one.value_microusd) for one in MeterEvent.objects.all()}
    sent = {one.identifier for one in MeterEvent.objects.filter(state="sent")}
    assert theirs.items() <= ours.items()
    assert sent <= theirs.keys()
    assert not MeterEvent.objects.exclude(state__in=("sent", "too_late")).exists()


def charged_by_itself(month: int) -> int:
    """Cents that saved cards were charged in a month of the year."""
    paid = Purchase.objects.filter(origin="auto_top_up", state="paid", created_at__month=month)
    return sum(paid.values_list("amount_cents", flat=True))
