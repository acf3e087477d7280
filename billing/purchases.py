"""The life of a purchase, to be read from top to bottom. Money in, and nothing else.

    begin -> open_checkout -> (a person pays on Stripe's page) -> follow -> purchase_answers.apply    by a person
    auto_top_ups.consider -> charge -> purchase_answers.apply                                         by itself

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

from accounts import audit
from accounts.models import Organization, User
from billing import customers, ledger, packs, purchase_answers
from billing.errors import PaidMeanwhile, SandboxPaysNothing
from billing.models import Purchase
from billing.purchase_answers import LOOK_AFTER, OPENS_FOR, Overtaken
from billing.stripe_gateway import checkouts, payments
from billing.stripe_gateway.connection import (
    CardDeclined,
    StripeRefused,
    StripeUnavailable,
)
from billing.stripe_gateway.payments import Payment
from seedance_saas import queue
from seedance_saas.api import usd
from seedance_saas.errors import InvalidRequest

logger = logging.getLogger(__name__)

State, Origin = Purchase.State, Purchase.Origin

CHECKOUT_FOR = timedelta(hours=2)  # then Stripe's page cannot be paid any more
KEY_IS_KEPT = timedelta(hours=20)  # Stripe forgets idempotency keys after a day
HURRY_EVERY = timedelta(seconds=3)  # while somebody looks at its page
LOOKS_MAX = 10  # each is lost to one that wrote meanwhile; a task tries again after that


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
    checkout = checkouts.create_checkout(
        purchase_id=purchase.id,
        customer_id=customers.ensure(purchase.organization).stripe_id,
        amount_cents=purchase.amount_cents,
        expires_at=purchase.created_at + CHECKOUT_FOR,
        success_url=f"{page}?returned=1",
        cancel_url=page,
    )
    return purchase_answers.apply(purchase, checkout, None)


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
        with suppress(Overtaken):
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
        ask = checkouts.expire_checkout if is_closing else checkouts.read_checkout
        checkout = ask(purchase.session_id)
    intent_id = purchase.intent_id or (checkout.intent_id if checkout else "") or intent_id
    payment = payments.read_payment(intent_id) if intent_id else None
    has_bounced = (
        payment is not None and payment.needs_person and purchase.state == State.PROCESSING
    )
    if has_bounced and purchase.origin == Origin.AUTO_TOP_UP:
        payment = payments.cancel_payment(intent_id)  # as what is declined at once
    return purchase_answers.apply(purchase, checkout, payment)


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
    return purchase_answers.apply(purchase, None, payment, failure=failure)


def _find_charge(purchase: Purchase, customer_id: str) -> Payment | None:
    """Stripe has forgotten the key by now: the payment is found by the name that it bears, or there is none."""
    intent_id = payments.find_payment(
        purchase.id, customer_id=customer_id, since=purchase.created_at - timedelta(minutes=5)
    )
    if not intent_id:
        return None
    payment = payments.read_payment(intent_id)
    return payments.cancel_payment(intent_id) if payment.needs_person else payment
