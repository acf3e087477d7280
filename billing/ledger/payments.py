"""Money that touches no credits: what was used on account is paid later, by invoice, and may go back."""

from django.db import transaction
from django.utils import timezone

from accounts.models import Organization
from billing.ledger.posting import Page
from billing.models import Transfer


@transaction.atomic
def receive_payment(
    organization: Organization, *, paid_microusd: int, owed_microusd: int, reference: str
) -> None:
    """An invoice was paid: what was owed is no more. What cents round up or down is written off.

    `paid_microusd` is what came in without tax, `owed_microusd` what was used. Touches no credits.
    Idempotent by `reference`. Locks the wallet.
    """
    page = Page.open(organization.pk, timezone.now())
    if Transfer.objects.filter(
        organization=organization,
        reference=reference,
        kind__in=(Transfer.Kind.PAYMENT, Transfer.Kind.WRITE_OFF),
    ).exists():
        return
    if paid_microusd:
        page.post(
            Transfer.Kind.PAYMENT,
            from_account="cash",
            to_account="receivable",
            amount_microusd=paid_microusd,
            reference=reference,
        )
    if rest := owed_microusd - paid_microusd:
        source, target = ("write_off", "receivable") if rest > 0 else ("receivable", "write_off")
        page.post(
            Transfer.Kind.WRITE_OFF,
            from_account=source,
            to_account=target,
            amount_microusd=abs(rest),
            reference=reference,
        )
    page.close()


@transaction.atomic
def rebook(
    organization: Organization,
    kind: Transfer.Kind,
    *,
    from_account: str,
    to_account: str,
    amount_microusd: int,
    reference: str,
) -> None:
    """Money of an organization changes its place among our own accounts. Touches no credits.

    Idempotent by `reference` and `kind`. Locks the wallet.
    """
    assert amount_microusd > 0, amount_microusd
    page = Page.open(organization.pk, timezone.now())
    if Transfer.objects.filter(reference=reference, kind=kind, grant=None).exists():
        return
    page.post(
        kind,
        from_account=from_account,
        to_account=to_account,
        amount_microusd=amount_microusd,
        reference=reference,
    )
    page.close()
