"""Stripe calls: store once, answer at once, look later. What it says is a hint; the object is asked for.

Handlers go by object, not by event: twice, late and in any order they end in the same place.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.models import User
from billing import cards, credit_lines, customers, invoices, purchases, usage_reports
from billing.models import CreditLine, Purchase, StripeEvent
from billing.stripe_gateway import checkouts, invoicing, money_back, payments, webhooks
from billing.stripe_gateway.connection import StripeUnavailable
from seedance_saas import queue
from seedance_saas.errors import InvalidRequest, NotFound, as_dict

logger = logging.getLogger(__name__)

State = StripeEvent.State
ATTEMPTS_MAX = 6  # then it is dead, until an operator runs it again
PAUSE = timedelta(seconds=30)  # doubled with each attempt


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """POST /webhooks/stripe. 404 where no secret is set: anybody could sign with an empty one. 400 for a wrong
    signature or one that is too old. What nobody here handles is answered and forgotten."""
    if not settings.STRIPE_WEBHOOK_SECRETS:
        return _refuse(NotFound("There is nothing at this address."), request)
    body = request.body  # Django refuses more than DATA_UPLOAD_MAX_MEMORY_SIZE
    signature = request.headers.get("Stripe-Signature", "")
    if not webhooks.is_signed(body, signature, settings.STRIPE_WEBHOOK_SECRETS):
        return _refuse(InvalidRequest("The signature is wrong.", param="Stripe-Signature"), request)
    notice = webhooks.read(body)
    if notice is None:
        return _refuse(InvalidRequest("The body is no event."), request)
    if handler_of(notice.type) is not None:
        _store(notice)
    return JsonResponse({"received": True})


def _refuse(refusal: NotFound | InvalidRequest, request: HttpRequest) -> HttpResponse:
    return JsonResponse(as_dict(refusal, request), status=refusal.status)


@transaction.atomic
def _store(notice: webhooks.Notice) -> None:
    """Once for each id: the row's primary key is the referee."""
    _, is_new = StripeEvent.objects.get_or_create(
        id=notice.id,
        defaults={
            "type": notice.type,
            "object_id": notice.object_id,
            "due_at": timezone.now() + PAUSE,
        },
    )
    if is_new:
        queue.enqueue("billing.tasks.handle_stripe_event", notice.id)
    logger.info("stripe_event.received id=%s type=%s new=%s", notice.id, notice.type, is_new)


# -- handle -----------------------------------------------------------------------------------------


def handle(event: StripeEvent) -> None:
    """Do what it hints at. One that fails is tried again, and is dead after ATTEMPTS_MAX: nothing waits for it.

    Stripe being away is no failure of the event. A repeat changes nothing.
    """
    if event.state == State.HANDLED:
        return
    handler = handler_of(event.type)
    assert handler is not None, event.type
    kept = StripeEvent.objects.filter(pk=event.pk)
    try:
        note = handler(event)
    except StripeUnavailable as error:
        kept.update(due_at=timezone.now() + PAUSE, error=str(error))
    except Exception as error:
        logger.exception("stripe_event.failed id=%s type=%s", event.id, event.type)
        count = event.attempts_count + 1
        kept.update(
            state=State.DEAD if count >= ATTEMPTS_MAX else State.PENDING,
            attempts_count=count,
            error=f"{type(error).__name__}: {error}"[:2000],
            due_at=timezone.now() + PAUSE * 2**count,
        )
    else:
        kept.update(state=State.HANDLED, handled_at=timezone.now(), error=note or "")


def run_again(event: StripeEvent, *, actor: User | None = None) -> bool:
    """The operator's wish for one that is dead: as if it had just come. One audit row. False, and nothing
    done, if it is not dead."""
    with transaction.atomic():
        was_dead = StripeEvent.objects.filter(pk=event.pk, state=State.DEAD).update(
            state=State.PENDING, attempts_count=0, due_at=timezone.now() + PAUSE
        )
        if was_dead:
            queue.enqueue("billing.tasks.handle_stripe_event", event.id)
            audit.note(None, "stripe_event.run_again", event.id[:60], actor=actor)
            logger.info("stripe_event.run_again id=%s by=%s", event.id, actor and actor.pk)
    return bool(was_dead)


def _follow_checkout(event: StripeEvent) -> None:
    purchase = Purchase.objects.filter(session_id=event.object_id).first()
    _follow(purchase or _named(checkouts.purchase_of_checkout(event.object_id)))


def _follow_payment(event: StripeEvent) -> None:
    _follow_intent(event.object_id)


def _follow_money_back(event: StripeEvent) -> None:
    """Of a charge, a refund or a dispute: its payment is followed, with all of them."""
    if intent_id := money_back.intent_of(event.object_id):
        _follow_intent(intent_id)


def _follow_intent(intent_id: str) -> None:
    purchase = Purchase.objects.filter(intent_id=intent_id).first()
    purchase = purchase or _named(payments.purchase_of(intent_id))
    if purchase:
        _follow(purchase, intent_id)
        return
    invoices.follow_payment(intent_id)


def _named(purchase_id: str) -> Purchase | None:
    return Purchase.objects.filter(pk=purchase_id).first() if purchase_id else None


def _follow(purchase: Purchase | None, intent_id: str = "") -> None:
    """One that nobody here knows is of another program with the same account: not ours."""
    if purchase:
        purchases.follow(purchase, intent_id=intent_id)


def _follow_card(event: StripeEvent) -> None:
    cards.follow(event.object_id)


def _follow_customer(event: StripeEvent) -> None:
    cards.follow(event.object_id)
    credit_lines.ask_again(event.object_id)


def _renew_customer(event: StripeEvent) -> None:
    if renewed := customers.renew(event.object_id):
        cards.follow(renewed)


def _follow_invoice(event: StripeEvent) -> None:
    invoices.follow(event.object_id)


def _follow_credit_note(event: StripeEvent) -> None:
    invoices.follow(invoicing.invoice_of_credit_note(event.object_id))


def _end_line(event: StripeEvent) -> None:
    """One that is being opened again gets another subscription."""
    line = CreditLine.objects.filter(subscription_id=event.object_id).first()
    if line and line.state != CreditLine.State.OPENING:
        credit_lines.close(line.organization, CreditLine.Closure.OPERATOR)


def _note_refused(event: StripeEvent) -> str:
    return usage_reports.note_refused(event.id)


Handler = Callable[[StripeEvent], str | None]
# By the beginning of an event's type; the longest that fits.
HANDLERS: dict[str, Handler] = {
    "checkout.session.": _follow_checkout,
    "payment_intent.": _follow_payment,
    "charge.": _follow_money_back,
    "refund.": _follow_money_back,
    "customer.updated": _follow_customer,
    "customer.deleted": _renew_customer,
    "payment_method.": _follow_card,
    "invoice.": _follow_invoice,
    "credit_note.": _follow_credit_note,
    "customer.subscription.deleted": _end_line,
    "v1.billing.meter.": _note_refused,
}


def handler_of(type: str) -> Handler | None:
    fitting = [prefix for prefix in HANDLERS if type.startswith(prefix)]
    return HANDLERS[max(fitting, key=len)] if fitting else None


# What `manage.py stripe_setup` asks Stripe to tell us. The meters' errors come by a destination of their own.
EVENTS = (
    *("checkout.session.completed", "checkout.session.expired"),
    *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
    *("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing"),
    "payment_intent.canceled",
    *("charge.refunded", "charge.refund.updated", "refund.created", "refund.updated"),
    "refund.failed",
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
    *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
    *("customer.updated", "customer.deleted"),
    *("payment_method.attached", "payment_method.detached"),
    *("payment_method.updated", "payment_method.automatically_updated"),
    *("invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_failed"),
    *("invoice.overdue", "invoice.voided", "invoice.marked_uncollectible", "invoice.updated"),
    *("credit_note.created", "credit_note.voided", "customer.subscription.deleted"),
)
