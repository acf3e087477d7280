"""Stripe's own lists, for a comparison with ours: newest first there, handed on as they come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import stripe

from billing.stripe_gateway.connection import asking
from billing.stripe_gateway.fields import id_of, tag_of
from billing.stripe_gateway.money_back import MoneyBack, disputed, refunded


@dataclass(frozen=True)
class ListedPayment:
    """A payment that bears a purchase's name. `is_paid`: it succeeded, with `received_cents`."""

    intent_id: str
    purchase_id: str
    is_paid: bool
    received_cents: int


@dataclass(frozen=True)
class Movement:
    """A line of Stripe's balance: what moved, before its fee, and the payment or money back that it is about."""

    id: str
    kind: str  # payment, refund, dispute, or Stripe's own word for what is none of these
    amount_cents: int
    source_id: str
    intent_id: str


def payments_since(since: datetime) -> Iterator[ListedPayment]:
    with asking() as client:
        intents = client.v1.payment_intents.list({"created": _since(since), "limit": 100})
        for intent in intents.auto_paging_iter():
            yield ListedPayment(
                intent.id,
                tag_of(intent.metadata, "purchase"),
                intent.status == "succeeded",
                intent.amount_received,
            )


def money_back_since(since: datetime) -> Iterator[MoneyBack]:
    """Refunds and disputes that were made since then, as they stand now."""
    with asking() as client:
        for refund in client.v1.refunds.list(
            {"created": _since(since), "limit": 100}
        ).auto_paging_iter():
            yield refunded(refund)
        for dispute in client.v1.disputes.list(
            {"created": _since(since), "limit": 100}
        ).auto_paging_iter():
            yield disputed(dispute)


def movements_since(since: datetime) -> Iterator[Movement]:
    with asking() as client:
        lines = client.v1.balance_transactions.list(
            {"created": _since(since), "limit": 100, "expand": ["data.source"]}
        )
        for line in lines.auto_paging_iter():
            yield Movement(
                id=line.id,
                kind=_kind(line),
                amount_cents=line.amount,
                source_id=id_of(line.source),
                intent_id=id_of(getattr(line.source, "payment_intent", None)),
            )


_KINDS = {
    "charge": "payment",
    "payment": "payment",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund",
    "payment_failure_refund": "refund",
}


def _kind(line: stripe.BalanceTransaction) -> str:
    if line.type == "adjustment" and line.reporting_category.startswith("dispute"):
        return "dispute"
    return _KINDS.get(line.type, line.type)


def _since(moment: datetime) -> "stripe.params.PaymentIntentListParamsCreated":
    return {"gte": int(moment.timestamp())}
