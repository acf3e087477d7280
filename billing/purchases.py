"""The life of a purchase, to be read from top to bottom. Money in, and nothing else.

    begin -> open_checkout -> (a person pays on Stripe's page) -> follow -> apply      by a person
    auto_top_ups.consider -> charge -> apply                                           by itself

Webhooks, the page that a person comes back to, sweeps and the daily comparison all end in `follow`: it asks
Stripe how things stand and brings our books there. So an event may come twice, late, in any order, or never.
Credits are given when Stripe says that it was paid, once for each purchase, whatever we believed before.
"""

import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit, mails, webhooks
from accounts.models import Organization, User
from billing import auto_top_ups, customers, ledger, packs, presentation, reversals
from billing.errors import PaidMeanwhile, SandboxPaysNothing
from billing.models import Grant, Purchase
from billing.stripe_gateway import payments
from billing.stripe_gateway.connection import (
    CardDeclined,
    StripeRefused,
    StripeUnavailable,
)
from billing.stripe_gateway.payments import Checkout, Payment
from seedance_saas import queue
from seedance_saas.api import usd
from seedance_saas.errors import InvalidRequest

logger = logging.getLogger(__name__)

State, Origin = Purchase.State, Purchase.Origin

CHECKOUT_FOR = timedelta(hours=2)  # then Stripe's page cannot be paid any more
OPENS_FOR = timedelta(minutes=85)  # Stripe makes no page that is good for less than half an hour
KEY_IS_KEPT = timedelta(hours=20)  # Stripe forgets idempotency keys after a day
# How soon somebody looks again, if no webhook comes first.
LOOK_AFTER = {
    State.CREATED: timedelta(minutes=1),
    State.OPEN: timedelta(minutes=5),
    State.CLOSING: timedelta(minutes=1),
    State.PROCESSING: timedelta(hours=1),
}
HURRY_EVERY = timedelta(seconds=3)  # while somebody looks at its page
LOOKS_MAX = 5


class _Overtaken(Exception):
    """Another process wrote what Stripe said after we had asked: our answer may be the older one."""


class WrongPayment(Exception):
    """Stripe's payment is not what this purchase asked for. No credits; somebody has to look."""


# -- begin ------------------------------------------------------------------------------------------


@transaction.atomic
def begin(
    organization: Organization,
    *,
    amount_cents: int,
    made_by: User,
    token: str,
    last_paid_id: str,
    address: str | None = None,
) -> Purchase:
    """The row of a purchase that a person wants. Nothing is asked of Stripe yet. One audit row. Locks the wallet.

    `token` is the form's: sent again for the same amount, it gives the same purchase. A person has one open at
    a time: the same amount in another tab is the same purchase, another amount takes its place. `last_paid_id`
    is that of `newest_paid` when the form was made ("" if none): if another was paid since, PaidMeanwhile asks
    once more. Raises InvalidRequest for an amount out of limits, SandboxPaysNothing.
    """
    if organization.is_sandbox:
        raise SandboxPaysNothing
    if not packs.AMOUNT_CENTS_MIN <= amount_cents <= packs.AMOUNT_CENTS_MAX:
        raise InvalidRequest(
            f"The amount must be from ${packs.AMOUNT_CENTS_MIN / 100:,.2f} to"
            f" ${packs.AMOUNT_CENTS_MAX / 100:,.2f}.",
            param="amount_usd",
        )
    ledger.lock(organization)
    now = timezone.now()
    bought = Purchase.objects.filter(organization=organization, origin=Origin.CHECKOUT)
    again = bought.filter(token=token).first()
    if again and again.amount_cents == amount_cents and again.state in _STILL_GOOD:
        return again
    newest = newest_paid(organization)
    if newest and newest.id != last_paid_id:
        raise PaidMeanwhile(newest)
    open_one = bought.filter(made_by=made_by, state__in=(State.CREATED, State.OPEN)).first()
    if open_one and open_one.amount_cents == amount_cents:
        return open_one
    if open_one:
        Purchase.objects.filter(pk=open_one.pk).update(state=State.CLOSING, due_at=now)
        queue.enqueue("billing.tasks.follow_purchase", open_one.id)
    begun = Purchase.objects.create(
        organization=organization,
        origin=Origin.CHECKOUT,
        made_by=made_by,
        # The form's purchase came to nothing, or it now says another amount: this one has a name of its own.
        token=secrets.token_hex(16) if again else token,
        amount_cents=amount_cents,
        bonus_microusd=packs.bonus_microusd(amount_cents),
        created_at=now,
        due_at=now + LOOK_AFTER[State.CREATED],
    )
    audit.note(
        organization, "purchase.begun", begun.id, actor=made_by, address=address,
        after={"amount_usd": usd(begun.amount_microusd), "bonus_usd": usd(begun.bonus_microusd)},
    )  # fmt: skip
    return begun


# What a form that is sent again goes on with. One that is being closed cannot be paid any more.
_STILL_GOOD = (State.CREATED, State.OPEN, State.PROCESSING, State.PAID)


def newest_paid(organization: Organization) -> Purchase | None:
    """What a person bought last."""
    bought = Purchase.objects.filter(
        organization=organization, origin=Origin.CHECKOUT, state=State.PAID
    )
    return bought.order_by("-paid_at").first()


def open_checkout(purchase: Purchase) -> Purchase:
    """Get Stripe's page for it; the purchase as it is then. A repeat gets the same page, and so does another tab.

    Asks Stripe: no transaction may be open. Raises StripeUnavailable, and then it may be tried again.
    """
    return _in_turn(_open, purchase)


def _open(purchase: Purchase) -> Purchase:
    is_young = timezone.now() - purchase.created_at < OPENS_FOR
    is_waiting = purchase.state in (State.CREATED, State.CLOSING) and not purchase.session_id
    if purchase.origin != Origin.CHECKOUT or not is_waiting or not is_young:
        return purchase
    page = f"{settings.PUBLIC_URL}/billing/purchases/{purchase.id}"
    checkout = payments.create_checkout(
        purchase_id=purchase.id,
        customer_id=customers.ensure(purchase.organization).stripe_id,
        amount_cents=purchase.amount_cents,
        expires_at=purchase.created_at + CHECKOUT_FOR,
        success_url=f"{page}?returned=1",
        cancel_url=page,
    )
    return apply(purchase, checkout, None)


# -- follow -----------------------------------------------------------------------------------------


def hurry(purchase: Purchase) -> None:
    """Somebody waits for it: have it followed now, once in HURRY_EVERY at most, however many ask.

    What was looked at just now is left alone. One conditional UPDATE; if its task is lost, whoever owns the
    state looks as ever.
    """
    if not purchase.is_under_way:
        return
    after = LOOK_AFTER[State(purchase.state)]
    now = timezone.now()
    with transaction.atomic():
        if Purchase.objects.filter(
            pk=purchase.pk, state=purchase.state, due_at__lte=now + after - HURRY_EVERY
        ).update(due_at=now + after):
            queue.enqueue("billing.tasks.follow_purchase", purchase.id)


def follow(purchase: Purchase, *, intent_id: str = "") -> Purchase:
    """Ask Stripe how it stands and bring our books there: from any state, any number of times.

    `intent_id` is a payment that Stripe says is for it. Lets StripeUnavailable out: the owner of the state
    asks again.
    """
    return _in_turn(partial(_look, intent_id=intent_id), purchase)


def _in_turn(look: Callable[[Purchase], Purchase], purchase: Purchase) -> Purchase:
    """What was asked before another process wrote its answer is asked again: the older answer never wins."""
    for _ in range(LOOKS_MAX):
        with suppress(_Overtaken):
            return look(purchase)
        purchase.refresh_from_db()
    raise StripeUnavailable(f"{purchase.id} is being followed by too many at once.")


def _look(purchase: Purchase, intent_id: str) -> Purchase:
    if purchase.origin == Origin.AUTO_TOP_UP and purchase.state == State.CREATED and not intent_id:
        return charge(purchase)
    purchase = _open(purchase)  # if its answer was lost, or nobody asked yet
    checkout = None
    if purchase.session_id:
        is_closing = purchase.state == State.CLOSING
        ask = payments.expire_checkout if is_closing else payments.read_checkout
        checkout = ask(purchase.session_id)
    intent_id = purchase.intent_id or (checkout.intent_id if checkout else "") or intent_id
    payment = payments.read_payment(intent_id) if intent_id else None
    has_bounced = (
        payment is not None and payment.needs_person and purchase.state == State.PROCESSING
    )
    if has_bounced and purchase.origin == Origin.AUTO_TOP_UP:
        payment = payments.cancel_payment(intent_id)  # as what is declined at once
    return apply(purchase, checkout, payment)


def charge(purchase: Purchase) -> Purchase:
    """Charge the saved card for a purchase that was decided on. A repeat is the same charge.

    What the bank declines is canceled before the purchase fails: what has failed can never be paid.
    """
    customer_id = customers.ensure(purchase.organization).stripe_id
    failure: tuple[str, str] | None = None
    payment: Payment | None = None
    try:
        if timezone.now() - purchase.created_at < KEY_IS_KEPT:
            payment = payments.charge_saved_card(
                purchase_id=purchase.id,
                customer_id=customer_id,
                payment_method_id=purchase.payment_method_id,
                amount_cents=purchase.amount_cents,
            )
        else:
            payment = _find_charge(purchase, customer_id)
            if payment is None:
                failure = ("not_sent", "Stripe was never reached with it.")
    except CardDeclined as declined:
        failure = (declined.code, declined.message)
        if declined.intent_id:
            payment = payments.cancel_payment(declined.intent_id)
    except StripeRefused as refused:
        failure = (refused.code, refused.message)
    return apply(purchase, None, payment, failure=failure)


def _find_charge(purchase: Purchase, customer_id: str) -> Payment | None:
    """Stripe has forgotten the key by now: the payment is found by the name that it bears, or there is none."""
    intent_id = payments.find_payment(
        purchase.id, customer_id=customer_id, since=purchase.created_at - timedelta(minutes=5)
    )
    if not intent_id:
        return None
    payment = payments.read_payment(intent_id)
    return payments.cancel_payment(intent_id) if payment.needs_person else payment


# -- apply ------------------------------------------------------------------------------------------


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
        invoice_url = payments.invoice_url(checkout.invoice_id)
    with transaction.atomic():
        row = lock(purchase)
        if row.looks_count != purchase.looks_count:
            raise _Overtaken
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
                _pay(row, payment)
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


def _pay(row: Purchase, payment: Payment) -> None:
    """It is paid: the credits come in, with their bonus."""
    if payment.currency != payments.CURRENCY or payment.received_cents < row.amount_cents:
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
