"""Purchases, refunds and invoices as people read them."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.templatetags.page import icon
from billing.models import CreditLine, Invoice, Purchase, Reversal
from billing.templatetags.money import round_money

register = template.Library()
State = Purchase.State

_STATES = {
    State.CREATED: ("queued", "Being opened", ""),
    State.OPEN: ("queued", "Not paid yet", ""),
    State.CLOSING: ("canceled", "Replaced by another", ""),
    State.PROCESSING: ("running", "On its way", "state-running"),
    State.PAID: ("check", "Paid", "state-succeeded"),
    State.FAILED: ("cross", "Failed", "state-failed"),
    State.EXPIRED: ("canceled", "Left without paying", ""),
}
_INVOICE_STATES = {
    Invoice.State.DRAFT: ("queued", "Being made", ""),
    Invoice.State.OPEN: ("queued", "To be paid", ""),
    Invoice.State.OVERDUE: ("warn", "Overdue", "state-failed"),
    Invoice.State.PAID: ("check", "Paid", "state-succeeded"),
    Invoice.State.UNCOLLECTIBLE: ("cross", "Not paid, given up", "state-failed"),
    Invoice.State.VOID: ("canceled", "Void: nothing is owed", ""),
}
_LINE_STATES = {
    CreditLine.State.OPENING: ("running", "Being opened", "state-running"),
    CreditLine.State.OPEN: ("check", "Open", "state-succeeded"),
    CreditLine.State.CLOSED: ("cross", "Closed", "state-failed"),
}
_REVERSALS = {
    (Reversal.Kind.REFUND, Reversal.State.REQUESTED): "Refund, asked for at Stripe",
    (Reversal.Kind.REFUND, Reversal.State.PENDING): "Refund, on its way to your bank",
    (Reversal.Kind.REFUND, Reversal.State.SUCCEEDED): "Refunded",
    (Reversal.Kind.REFUND, Reversal.State.FAILED): "Refund that did not go through",
    (Reversal.Kind.DISPUTE, Reversal.State.INQUIRY): "Your bank asks about it; no money has moved",
    (Reversal.Kind.DISPUTE, Reversal.State.OPEN): "Disputed: your bank has taken it back for now",
    (Reversal.Kind.DISPUTE, Reversal.State.LOST): "Dispute over: your bank gave it back to you",
    (Reversal.Kind.DISPUTE, Reversal.State.WON): "Dispute over: the payment stands",
}

_METHODS = {"us_bank_account": "Bank debit", "amex": "American Express"}


@register.filter
def cents(amount_cents: int) -> SafeString:
    """Cents as dollars: $1,250.50."""
    return round_money(amount_cents * 10_000)


@register.filter
def plain_cents(amount_cents: int) -> str:
    """The same as bare text, for places that hold no markup."""
    return f"${amount_cents // 100:,}.{amount_cents % 100:02d}"


@register.filter
def state(row: Purchase | Invoice | CreditLine) -> SafeString:
    """Picture and word of where it stands."""
    if isinstance(row, Purchase):
        name, word, extra = _STATES[State(row.state)]
        if row.state == State.CREATED and row.origin == Purchase.Origin.AUTO_TOP_UP:
            word = "Being charged"
    elif isinstance(row, Invoice):
        name, word, extra = _INVOICE_STATES[Invoice.State(row.state)]
        if row.owed_again_microusd:
            name, word, extra = "warn", "Paid, and taken back by your bank", "state-failed"
    else:
        name, word, extra = _LINE_STATES[CreditLine.State(row.state)]
    return format_html('<span class="state {}">{}{}</span>', extra, icon(name), word)


@register.filter
def card(row: Purchase) -> str:
    """What it was paid with: "Visa •••• 4242", or the method's name."""
    brand = _METHODS.get(row.card_brand) or row.card_brand.replace("_", " ").title()
    return f"{brand} •••• {row.card_last4}" if row.card_last4 else brand


@register.filter
def what(row: Purchase) -> str:
    return "Auto top-up" if row.origin == Purchase.Origin.AUTO_TOP_UP else "Credits"


@register.filter
def reversal_words(row: Reversal) -> str:
    return _REVERSALS[Reversal.Kind(row.kind), Reversal.State(row.state)]
