"""Credits as they come and go, grant by grant; what an organization owes beyond them is its debt."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organization, User
from billing.ledger.posting import Page, debt_account, lock
from billing.models import Account, Grant, Transfer
from seedance_saas import ids
from seedance_saas.api import usd

_SOURCES = {
    Grant.Kind.PURCHASED: "cash",
    Grant.Kind.PROMOTIONAL: "promotions",
    Grant.Kind.INVOICE: "receivable",
}
_PRIORITIES = {Grant.Kind.PROMOTIONAL: 10, Grant.Kind.PURCHASED: 50, Grant.Kind.INVOICE: 90}
REINSTATED_FOR = timedelta(days=30)


@transaction.atomic
def deposit(
    organization: Organization,
    *,
    amount_microusd: int,
    kind: Grant.Kind,
    reference: str,
    expires_at: datetime | None = None,
) -> Grant:
    """Credits come in as a new grant; a debt is paid from it at once, but never from a line: nobody would invoice it.

    Idempotent by `reference`: a repeat returns the first grant. Locks the wallet.
    """
    assert amount_microusd > 0, amount_microusd
    lock(organization)
    page = Page.open(organization.pk, timezone.now())
    if existing := Grant.objects.filter(reference=reference).first():
        assert existing.organization_id == organization.pk, reference
        return existing
    grant_id = ids.new("grt")
    account = Account.objects.create(
        id=f"grant:{grant_id}",
        kind=Account.Kind.GRANT,
        organization=organization,
        balance_microusd=0,
    )
    grant = Grant.objects.create(
        id=grant_id,
        organization=organization,
        account=account,
        kind=kind,
        priority=_PRIORITIES[kind],
        amount_microusd=amount_microusd,
        expires_at=expires_at,
        reference=reference,
    )
    page.post(
        Transfer.Kind.DEPOSIT,
        from_account=_SOURCES[kind],
        to_account=account.id,
        amount_microusd=amount_microusd,
        reference=reference,
        grant_id=grant.id,
    )
    if kind != Grant.Kind.INVOICE:
        _repay(page, grant, amount_microusd, reference)
    page.close()
    return grant


def _repay(page: Page, grant: Grant, amount_microusd: int, reference: str) -> None:
    """A debt is paid first, from what has just come in."""
    debt = debt_account(page.organization_id)
    if owed := page.balance_of(debt):
        page.post(
            Transfer.Kind.REPAY,
            from_account=grant.account_id,
            to_account=debt,
            amount_microusd=min(owed, amount_microusd),
            reference=reference,
            grant_id=grant.id,
        )


@transaction.atomic
def expire(grant: Grant) -> int:
    """What is left of a grant whose time has come goes to breakage; how many micro-dollars.

    What open holds took of it stays theirs. A repeat finds nothing left. Locks the wallet.
    """
    page = Page.open(grant.organization_id, timezone.now())
    assert grant.expires_at is not None, grant.id
    assert grant.expires_at <= page.now, grant.id
    amount = post_expiry(page, grant.id, grant.account_id)
    page.close()
    return amount


@transaction.atomic
def forfeit(organization: Organization, grants: Sequence[Grant]) -> int:
    """Their time is over now: what is left goes to breakage, as will what open holds give back. How many micro-dollars.

    A repeat finds nothing left. Locks the wallet.
    """
    page = Page.open(organization.pk, timezone.now())
    assert all(grant.organization_id == organization.pk for grant in grants), grants
    Grant.objects.filter(pk__in=[grant.pk for grant in grants]).exclude(
        expires_at__lte=page.now
    ).update(expires_at=page.now)
    amount = sum(
        post_expiry(page, grant.id, grant.account_id)
        for grant in sorted(grants, key=lambda grant: grant.id)
    )
    page.close()
    return amount


def post_expiry(page: Page, grant_id: str, account_id: str) -> int:
    """What is left goes to breakage. The reference tells the instant: a grant may get credits back and expire again."""
    left = page.balance_of(account_id)
    if left:
        page.post(
            Transfer.Kind.EXPIRE,
            from_account=account_id,
            to_account="breakage",
            amount_microusd=left,
            reference=f"expiry:{grant_id}:{page.number + 1}",
            grant_id=grant_id,
        )
    return left


@transaction.atomic
def claw_back(
    organization: Organization,
    *,
    amount_microusd: int,
    grants: Sequence[Grant],
    reference: str,
    to_account: str = "cash",
) -> int:
    """Money that came in goes back: from `grants` in their order, and the rest becomes debt.

    Open holds keep what they took. Returns what became debt. Idempotent by `reference`: a repeat
    moves nothing and returns what the first one did. Locks the wallet.
    """
    assert amount_microusd > 0, amount_microusd
    page = Page.open(organization.pk, timezone.now())
    done = Transfer.objects.filter(
        organization=organization, reference=reference, kind=Transfer.Kind.CLAW_BACK
    )
    if done.exists():
        return sum(done.filter(grant=None).values_list("amount_microusd", flat=True))
    left = amount_microusd
    for grant in grants:
        assert grant.organization_id == organization.pk, (reference, grant.id)
        take = min(left, page.balance_of(grant.account_id))
        if take:
            page.post(
                Transfer.Kind.CLAW_BACK,
                from_account=grant.account_id,
                to_account=to_account,
                amount_microusd=take,
                reference=reference,
                grant_id=grant.id,
            )
            left -= take
    if left:
        page.post(
            Transfer.Kind.CLAW_BACK,
            from_account=debt_account(organization.pk),
            to_account=to_account,
            amount_microusd=left,
            reference=reference,
        )
    page.close()
    return left


@transaction.atomic
def reinstate(
    grant: Grant, *, amount_microusd: int, reference: str, from_account: str = "cash"
) -> None:
    """Money that was clawed back has come again: into `grant`, and a debt is paid from it at once.

    A grant that has expired meanwhile, or is about to, is good for another REINSTATED_FOR. Idempotent by
    `reference`. Locks the wallet.
    """
    assert amount_microusd > 0, amount_microusd
    page = Page.open(grant.organization_id, timezone.now())
    if Transfer.objects.filter(
        reference=reference, kind=Transfer.Kind.REINSTATE, grant=grant
    ).exists():
        return
    page.post(
        Transfer.Kind.REINSTATE,
        from_account=from_account,
        to_account=grant.account_id,
        amount_microusd=amount_microusd,
        reference=reference,
        grant_id=grant.id,
    )
    _repay(page, grant, amount_microusd, reference)
    page.close()
    Grant.objects.filter(pk=grant.pk, expires_at__lt=page.now + REINSTATED_FOR).update(
        expires_at=page.now + REINSTATED_FOR
    )


@transaction.atomic
def correct(
    grant: Grant, *, change_microusd: int, reference: str, reason: str, actor: User
) -> None:
    """The operator gives to a grant (> 0) or takes from what is left of it (< 0), with a reason.

    A transfer against write-off and an audit row; nothing is edited. Idempotent by `reference`.
    Raises IntegrityError when more is taken than is left. Locks the wallet.
    """
    assert change_microusd, "a correction changes something"
    assert reason.strip(), "a correction has a reason"
    page = Page.open(grant.organization_id, timezone.now())
    if Transfer.objects.filter(
        reference=reference, kind=Transfer.Kind.CORRECTION, grant=grant
    ).exists():
        return
    source, target = (
        ("write_off", grant.account_id) if change_microusd > 0 else (grant.account_id, "write_off")
    )
    page.post(
        Transfer.Kind.CORRECTION,
        from_account=source,
        to_account=target,
        amount_microusd=abs(change_microusd),
        reference=reference,
        grant_id=grant.id,
    )
    page.close()
    audit.note(
        grant.organization,
        "ledger.corrected",
        grant.id,
        actor=actor,
        after={"change_usd": usd(change_microusd), "reference": reference, "reason": reason},
    )
