"""What Stripe said of a purchase, written down, and the money that follows from it: the end of every look at it."""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit, mails, webhooks
from billing import auto_top_ups, ledger, packs, presentation, reversals
from billing.models import Grant, Purchase
from billing.stripe_gateway import checkouts, payments
from billing.stripe_gateway.checkouts import Checkout
from billing.stripe_gateway.payments import Payment
from seedance_saas import queue
from seedance_saas.api import usd

logger = logging.getLogger(__name__)

State, Origin = Purchase.State, Purchase.Origin

OPENS_FOR = timedelta(minutes=85)  # Stripe makes no page that is good for less than half an hour
# How soon somebody looks again, if no webhook comes first.
LOOK_AFTER = {
    State.CREATED: timedelta(minutes=1),
    State.OPEN: timedelta(minutes=5),
    State.CLOSING: timedelta(minutes=1),
    State.PROCESSING: timedelta(hours=1),
}


class Overtaken(Exception):
    """Another process wrote what Stripe said after we had asked: our answer may be the older one."""


class WrongPayment(Exception):
    """Stripe's payment is not what this purchase asked for. No credits; somebody has to look."""


def apply(
    purchase: Purchase,
    checkout: Checkout | None,
    payment: Payment | None,
    *,
    failure: tuple[str, str] | None = None,
) -> Purchase:
    """Write what Stripe said, and move the money that follows from it: one transaction.

    Locks the wallet, then the purchase. `purchase` is the row as it was before Stripe was asked.
    """
    invoice_url = ""
    if checkout and checkout.invoice_id and not purchase.invoice_url:
        invoice_url = checkouts.invoice_url(checkout.invoice_id)
    with transaction.atomic():
        row = lock(purchase)
        if row.looks_count != purchase.looks_count:
            raise Overtaken
        row.looks_count += 1
        before = State(row.state)
        if checkout:
            row.session_id, row.session_url = checkout.id, checkout.url or row.session_url
            row.invoice_url = row.invoice_url or invoice_url
        if payment:
            _note_payment(row, payment)
        if failure:
            row.failure_code, row.failure_message = failure
        if payment and payment.status == "succeeded":
            if before != State.PAID:
                _pay(row, checkout, payment)
        elif row.is_under_way:
            row.state = _unpaid_state(row, checkout, payment, has_failed=failure is not None)
        if row.is_under_way:
            row.due_at = timezone.now() + LOOK_AFTER[State(row.state)]
        row.save()
        if row.state != before:
            _tell(row, before)
        if payment and row.state == State.PAID:
            reversals.follow(row, payment.money_back)
    return row


def lock(purchase: Purchase) -> Purchase:
    """Lock the wallet, then the purchase, and read it afresh with its grants. In a transaction."""
    ledger.lock(purchase.organization)
    return (
        Purchase.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization", "grant", "bonus_grant")
        .get(pk=purchase.pk)
    )


def _note_payment(row: Purchase, payment: Payment) -> None:
    if payment.purchase_id != row.id:
        raise WrongPayment(f"{payment.intent_id} is not for {row.id}")
    row.intent_id = payment.intent_id
    row.failure_code, row.failure_message = payment.failure_code, payment.failure_message
    row.receipt_url = payment.receipt_url or row.receipt_url
    if payment.card:
        row.payment_method_id = payment.card.payment_method_id
        row.card_brand, row.card_last4 = payment.card.brand, payment.card.last4
        row.card_fingerprint = payment.card.fingerprint
    elif payment.method:
        row.card_brand = payment.method


def _pay(row: Purchase, checkout: Checkout | None, payment: Payment) -> None:
    """It is paid: the credits come in, with their bonus.

    Nothing is sold at a discount: no page asks for a code, and what came in less than asked, without its tax, is wrong.
    """
    untaxed_cents = payment.received_cents - (checkout.tax_cents if checkout else 0)
    if payment.currency != payments.CURRENCY or untaxed_cents < row.amount_cents:
        raise WrongPayment(
            f"{row.id} asked for {row.amount_cents} cents, and {payment.received_cents}"
            f" {payment.currency} came"
        )
    now = timezone.now()
    row.state, row.paid_at, row.total_cents = State.PAID, now, payment.received_cents
    row.tax_cents = payment.received_cents - row.amount_cents
    row.failure_code = row.failure_message = ""
    row.grant = ledger.deposit(
        row.organization,
        amount_microusd=row.amount_microusd,
        kind=Grant.Kind.PURCHASED,
        reference=row.reference,
        expires_at=now + packs.GOOD_FOR,
    )
    if row.bonus_microusd:
        row.bonus_grant = ledger.deposit(
            row.organization,
            amount_microusd=row.bonus_microusd,
            kind=Grant.Kind.PROMOTIONAL,
            reference=f"bonus:{row.id}",
            expires_at=now + packs.GOOD_FOR,
        )


def _unpaid_state(
    row: Purchase, checkout: Checkout | None, payment: Payment | None, *, has_failed: bool
) -> Purchase.State:
    """Where a purchase that is not paid stands."""
    if payment and payment.status == "processing":
        return State.PROCESSING
    if row.origin == Origin.AUTO_TOP_UP:
        is_over = has_failed or (payment is not None and not payment.needs_person)
        return State.FAILED if is_over else State(row.state)
    if checkout is None:  # nobody ever saw a page of it: there is nothing that could be paid
        is_old = timezone.now() - row.created_at >= OPENS_FOR
        return State.EXPIRED if is_old else State(row.state)
    if checkout.status == "expired":
        return State.EXPIRED
    if checkout.status == "complete":
        return State.FAILED if payment else State.PROCESSING
    return State.CLOSING if row.state == State.CLOSING else State.OPEN


_TOLD = {State.PAID: "succeeded", State.FAILED: "failed"}


def _tell(row: Purchase, before: Purchase.State) -> None:
    """The line in the log, and what the organization is told of it, in the transaction in which it happens."""
    logger.info(
        "purchase.moved id=%s organization=%s from=%s to=%s amount_cents=%s",
        row.id, row.organization_id, before, row.state, row.amount_cents,
    )  # fmt: skip
    if row.state in _TOLD:
        _note_end(row, before)
    if row.state == State.FAILED and row.origin == Origin.AUTO_TOP_UP:
        auto_top_ups.note_declined(row)  # which tells what follows from it
        return
    if row.state == State.PAID:
        auto_top_ups.note_paid(row)
        queue.enqueue("billing.tasks.follow_card", row.organization_id)
    if told := _TOLD.get(State(row.state)):
        kind = "auto_top_up" if row.origin == Origin.AUTO_TOP_UP else "purchase"
        event = webhooks.publish(row.organization, f"{kind}.{told}", presentation.purchase(row))
        mails.owe("billing.alert_mails.compose", event.id)


def _note_end(row: Purchase, before: Purchase.State) -> None:
    """What came of it, in the audit trail: by Stripe's word, whoever began it."""
    after = {"state": row.state, "origin": row.origin, "amount_usd": usd(row.amount_microusd)}
    if row.state == State.PAID:
        action, after["bonus_usd"] = "purchase.paid", usd(row.bonus_microusd)
    else:
        action, after["failure"] = "purchase.failed", row.failure_code
    audit.note(row.organization, action, row.id, before={"state": before}, after=after)
