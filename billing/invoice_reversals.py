"""What went back of an invoice's payment, brought into the books: refunds and disputes, in whatever order they come.

The books follow the sum of all of them, as with a purchase (`reversals`), and touch no credits: what was used was used.

    a refund     is our own decision: cash is written off, nothing is owed for it, and the line stays as it is
    a dispute    is the payer's: what the bank took is owed again, counts as open on the line, and closes it; won, it
                 is as before; lost, it stays owed until the operator opens the line anew, and that forgives it

Stripe leaves the invoice paid through all of it and asks for nothing again; nor do we. Amounts are without tax: of
each cent that went back the part that is no tax, and all of it for all of it.
"""

import logging

from django.db.models import F, Sum

from accounts import audit
from accounts.models import Organization
from billing import ledger, reversals
from billing.models import Invoice, Reversal, Transfer, Wallet
from billing.stripe_gateway.invoicing import InvoiceNow
from seedance_saas.api import usd

logger = logging.getLogger(__name__)

Kind = Transfer.Kind


def follow(invoice: Invoice, now: InvoiceNow) -> None:
    """Write down every refund and dispute as Stripe has it, and move what follows. The caller saves the invoice.

    In the transaction that has locked the wallet and then the invoice, which is settled. A repeat changes nothing.
    """
    rows = invoice.reversals.select_for_update(no_key=True).order_by("id")
    for row, before in reversals.as_told(rows, now.money_back):
        row.invoice = invoice
        row.save()
        _move(invoice, row, now)
        if row.state != before:
            logger.info(
                "reversal.moved id=%s invoice=%s kind=%s from=%s to=%s amount_cents=%s",
                row.id, invoice.id, row.kind, before or "", row.state, row.amount_cents,
            )  # fmt: skip


def _move(invoice: Invoice, row: Reversal, now: InvoiceNow) -> None:
    """The difference between what is out by now and what the books have."""
    before = _out(invoice)
    refunded, disputed = _by_kind(invoice, now)
    _turn(row, refunded - invoice.refunded_microusd, "write_off", "cash")
    _turn(row, disputed - invoice.disputed_microusd, "receivable", "disputes")
    invoice.refunded_microusd, invoice.disputed_microusd = refunded, disputed
    if (too_much := invoice.forgiven_microusd - disputed) > 0:
        _forgive(invoice, -too_much)
    if _out(invoice) != before:
        audit.note(
            invoice.organization,
            "invoice.reversed",
            invoice.id,
            before=before,
            after={**_out(invoice), "kind": row.kind, "reversal": row.id},
        )


def _out(invoice: Invoice) -> dict[str, str]:
    """As the audit trail says it."""
    return {
        "refunded_usd": usd(invoice.refunded_microusd),
        "disputed_usd": usd(invoice.disputed_microusd),
    }


def _by_kind(invoice: Invoice, now: InvoiceNow) -> tuple[int, int]:
    """What is out by refunds and by disputes, in micro-dollars: refunds come first, never more than came in."""
    cents = dict.fromkeys(Reversal.Kind.values, 0)
    for one in invoice.reversals.all():
        cents[one.kind] += one.counted_cents
    refunded = _untaxed_microusd(cents[Reversal.Kind.REFUND], now)
    return refunded, _untaxed_microusd(sum(cents.values()), now) - refunded


def _untaxed_microusd(out_cents: int, now: InvoiceNow) -> int:
    if not now.received_cents:
        return 0
    return now.paid_cents * 10_000 * min(out_cents, now.received_cents) // now.received_cents


def _turn(row: Reversal, change_microusd: int, ours: str, away: str) -> None:
    """From the account of ours that bears it to where the money is, or (< 0) back again."""
    assert row.invoice is not None, row.id
    is_back = change_microusd < 0
    if not change_microusd:
        return
    ledger.rebook(
        row.invoice.organization,
        Kind.REINSTATE if is_back else Kind.CLAW_BACK,
        from_account=away if is_back else ours,
        to_account=ours if is_back else away,
        amount_microusd=abs(change_microusd),
        reference=reversals.next_reference(row),
    )
    row.save(update_fields=["moves_count"])


def owed_again_microusd(organization_id: str) -> int:
    """What `forgive` would write off now. Reads no lock."""
    disputed = Invoice.objects.filter(organization=organization_id)
    owed = disputed.aggregate(total=Sum(F("disputed_microusd") - F("forgiven_microusd"), default=0))
    return int(owed["total"])


def forgive(organization: Organization) -> int:
    """Write off what is owed again because banks took it back; how many micro-dollars. A repeat finds nothing.

    Under the wallet's lock.
    """
    total = 0
    for invoice in Invoice.objects.filter(organization=organization, disputed_microusd__gt=0):
        if owed := invoice.owed_again_microusd:
            _forgive(invoice, owed)
            invoice.save(update_fields=["forgiven_microusd"])
            total += owed
    return total


def _forgive(invoice: Invoice, change_microusd: int) -> None:
    """Or (< 0) take back what was forgiven: the money has come again."""
    is_back = change_microusd < 0
    number = Wallet.objects.get(organization=invoice.organization_id).transfers_count
    ledger.rebook(
        invoice.organization,
        Kind.WRITE_OFF,
        from_account="receivable" if is_back else "write_off",
        to_account="write_off" if is_back else "receivable",
        amount_microusd=abs(change_microusd),
        reference=f"forgiven:{invoice.id}:{number}",
    )
    invoice.forgiven_microusd += change_microusd
