"""The only writer of balances. Money moves here and nowhere else; nothing here knows what it is for.

What the books promise, each proved by `check_ledger` or by the database:
- every transfer takes from one account what it gives to another, so that all of them sum to zero;
- a tenant's balance is the sum of its transfers and is never negative;
- a hold is resolved once: what it captures and what it releases is what it held, grant by grant;
- transfers are never changed, and an organization's are numbered without a gap.

One order of locks: the organization's wallet first (FOR NO KEY UPDATE), and after it everything is read
afresh. References make every verb repeatable: the second call finds what the first one did.
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organization, User
from billing import spending
from billing.errors import BudgetExceeded, InDebt, InsufficientCredits
from billing.models import Account, CreditLine, Grant, Hold, Transfer, Wallet
from billing.posting import Page, debt_account, held_account
from billing.slices import Slice, slices_of
from seedance_saas import ids
from seedance_saas.api import usd

_SOURCES = {
    Grant.Kind.PURCHASED: "cash",
    Grant.Kind.PROMOTIONAL: "promotions",
    Grant.Kind.INVOICE: "receivable",
}
REINSTATED_FOR = timedelta(days=30)
_PRIORITIES = {Grant.Kind.PROMOTIONAL: 10, Grant.Kind.PURCHASED: 50, Grant.Kind.INVOICE: 90}


@dataclass(frozen=True)
class Wanted:
    """One hold that is asked for: at most `amount_microusd` (> 0) for `reference`, and on whose account."""

    reference: str
    amount_microusd: int
    end_user_id: str = ""
    member_id: str = ""
    api_key_id: str = ""


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


def hold(organization: Organization, wanted: Sequence[Wanted], *, now: datetime) -> None:
    """Keep the credits of every wanted hold, or of none: one statement, last in the caller's transaction.

    Takes from grants that have not expired at `now`, in burn order: priority, expires first, oldest.
    A reference that is held already is passed over. Raises InDebt, BudgetExceeded or
    InsufficientCredits, asked in this order, and then the caller's transaction must end. Locks the
    wallet inside the function, which reads everything else afterwards: a statement of its own for
    each read, so that none is older than the lock.
    """
    assert connection.in_atomic_block, "a hold commits with the work that it is for"
    assert wanted, "nothing is asked for"
    assert all(one.amount_microusd > 0 for one in wanted), wanted
    holds = [{"id": ids.new("hld"), **asdict(one)} for one in wanted]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT billing_place_holds(%s, %s::jsonb, %s)",
            [organization.pk, json.dumps(holds), now],
        )
        verdict = json.loads(cursor.fetchone()[0])
    if verdict["verdict"] == "in_debt":
        raise InDebt(debt_microusd=verdict["debt_microusd"])
    if verdict["verdict"] == "budget_exceeded":
        asked_microusd = sum(
            one.amount_microusd
            for one in wanted
            if (verdict["scope"], verdict["id"]) in _subjects(organization, one)
        )
        raise BudgetExceeded(verdict, asked_microusd=asked_microusd, now=now)
    if verdict["verdict"] == "insufficient_credits":
        raise InsufficientCredits(
            needed_microusd=verdict["needed_microusd"],
            available_microusd=verdict["available_microusd"],
        )
    assert verdict["verdict"] == "held", verdict


def _subjects(organization: Organization, wanted: Wanted) -> set[tuple[str, str]]:
    return set(
        spending.subjects(
            organization.pk,
            member_id=wanted.member_id,
            api_key_id=wanted.api_key_id,
            end_user_id=wanted.end_user_id,
        )
    )


def capture(organization: Organization, reference: str, *, amount_microusd: int) -> Hold:
    """Charge `amount_microusd` (0 up to the held amount) and give the rest back to the grants it came from.

    What was taken first is charged first. A hold that is resolved already is returned as it is.
    Locks the wallet. Raises Hold.DoesNotExist for an unknown reference.
    """
    return _resolve(organization, reference, amount_microusd)


def release(organization: Organization, reference: str) -> Hold:
    """Give the whole hold back to the grants it came from; nothing is charged. Else as `capture`."""
    return _resolve(organization, reference, 0)


def _resolve(organization: Organization, reference: str, capture_microusd: int) -> Hold:
    # Nothing is written before all is known to be right: within a caller's transaction a savepoint would
    # be two round trips for nothing.
    with nullcontext() if connection.in_atomic_block else transaction.atomic():
        page = Page.open(organization.pk, timezone.now())
        hold, slices = slices_of(organization, reference)
        if hold.resolved_at is not None:
            return hold
        assert 0 <= capture_microusd <= hold.amount_microusd, (reference, capture_microusd)
        _give_back(page, hold, slices, capture_microusd)
        hold.captured_microusd, hold.resolved_at = capture_microusd, page.now
        page.close()
        spending.note_resolved(hold)
    return hold


def _give_back(page: Page, hold: Hold, slices: list[Slice], capture_microusd: int) -> None:
    """Post what each slice gives to revenue and back; what came back too late expires at once.

    What comes back to a line that was closed meanwhile, or whose limit was lowered, is taken from it again.
    """
    left_to_capture = capture_microusd
    overdrawn = left_overdrawn = max((taken.overdrawn_microusd for taken in slices), default=0)
    held = held_account(page.organization_id)
    for taken in slices:
        captured = min(left_to_capture, taken.amount_microusd)
        left_to_capture -= captured
        released = taken.amount_microusd - captured
        withdrawn = min(released, left_overdrawn) if taken.overdrawn_microusd else 0
        left_overdrawn -= withdrawn
        for kind, from_account, to_account, amount in (
            (Transfer.Kind.CAPTURE, held, "revenue", captured),
            (Transfer.Kind.RELEASE, held, taken.account_id, released),
            (Transfer.Kind.CLAW_BACK, taken.account_id, "receivable", withdrawn),
        ):
            if amount:
                page.post(
                    kind,
                    from_account=from_account,
                    to_account=to_account,
                    amount_microusd=amount,
                    reference=hold.reference,
                    grant_id=taken.grant_id,
                    hold_id=hold.id if from_account == held else None,
                )
    assert left_to_capture == 0, (hold.reference, left_to_capture)
    if left_overdrawn < overdrawn:
        CreditLine.objects.filter(organization=page.organization_id).update(
            overdrawn_microusd=left_overdrawn
        )
    for taken in sorted(slices, key=lambda taken: taken.grant_id):
        if taken.expires_at and taken.expires_at <= page.now:
            _expire(page, taken.grant_id, taken.account_id)


@transaction.atomic
def expire(grant: Grant) -> int:
    """What is left of a grant whose time has come goes to breakage; how many micro-dollars.

    What open holds took of it stays theirs. A repeat finds nothing left. Locks the wallet.
    """
    page = Page.open(grant.organization_id, timezone.now())
    assert grant.expires_at is not None, grant.id
    assert grant.expires_at <= page.now, grant.id
    amount = _expire(page, grant.id, grant.account_id)
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
        _expire(page, grant.id, grant.account_id)
        for grant in sorted(grants, key=lambda grant: grant.id)
    )
    page.close()
    return amount


def _expire(page: Page, grant_id: str, account_id: str) -> int:
    """Post it; its reference tells the instant, for a grant may get credits back and expire again."""
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


def lock(organization: Organization) -> None:
    """Make the wallet if it is the first time, and lock it: first in whatever changes an organization's money.

    What is read afterwards in the same transaction is as new as the lock. Safe beside itself.
    """
    wallet = Wallet.objects.select_for_update(no_key=True).filter(organization=organization)
    if wallet.first():
        return
    Wallet.objects.bulk_create([Wallet(organization=organization)], ignore_conflicts=True)
    Account.objects.bulk_create(
        [
            Account(
                id=f"{kind}:{organization.pk}",
                kind=kind,
                organization=organization,
                balance_microusd=0,
            )
            for kind in (Account.Kind.HELD, Account.Kind.DEBT)
        ],
        ignore_conflicts=True,
    )
    assert wallet.first(), organization.pk
