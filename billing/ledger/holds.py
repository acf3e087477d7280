"""Credits that are kept for work that runs: admitted, and then charged or given back, each hold once."""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organization
from billing import spending
from billing.errors import BudgetExceeded, InDebt, InsufficientCredits
from billing.ledger.grants import post_expiry
from billing.ledger.posting import Page, held_account
from billing.ledger.slices import Slice, slices_of
from billing.models import CreditLine, Hold, Transfer
from seedance_saas import ids
from seedance_saas.errors import Refusal


@dataclass(frozen=True)
class Wanted:
    """One hold that is asked for: at most `amount_microusd` (> 0) for `reference`, and on whose account."""

    reference: str
    amount_microusd: int
    end_user_id: str = ""
    member_id: str = ""
    api_key_id: str = ""

    def subjects(self, organization: Organization) -> Iterator[tuple[str, str]]:
        """Whose budgets are asked."""
        return spending.subjects(
            organization.pk,
            member_id=self.member_id,
            api_key_id=self.api_key_id,
            end_user_id=self.end_user_id,
        )


def hold(organization: Organization, wanted: Sequence[Wanted], *, now: datetime) -> None:
    """Keep the credits of every wanted hold, or of none: one statement, last in the caller's transaction.

    Takes from grants that have not expired at `now`, in burn order: priority, expires first, oldest.
    A reference that is held already is passed over. Raises InDebt, BudgetExceeded or
    InsufficientCredits, asked in this order, and then the caller's transaction must end. Locks the
    wallet inside the function (migration 0004; its budgets: 0009), which reads everything else
    afterwards: a statement of its own for each read, so that none is older than the lock.
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
    if verdict["verdict"] != "held":
        raise _refusal(organization, wanted, verdict, now)


def _refusal(
    organization: Organization, wanted: Sequence[Wanted], verdict: dict[str, Any], now: datetime
) -> Refusal:
    """The database's verdict, explained."""
    match verdict["verdict"]:
        case "in_debt":
            return InDebt(debt_microusd=verdict["debt_microusd"])
        case "budget_exceeded":
            subject = verdict["scope"], verdict["id"]
            asked_microusd = sum(
                one.amount_microusd for one in wanted if subject in one.subjects(organization)
            )
            return BudgetExceeded(verdict, asked_microusd=asked_microusd, now=now)
        case "insufficient_credits":
            return InsufficientCredits(
                needed_microusd=verdict["needed_microusd"],
                available_microusd=verdict["available_microusd"],
            )
    raise AssertionError(verdict)


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
            post_expiry(page, taken.grant_id, taken.account_id)
