"""What a plan adds to the list, and what was agreed with one organization instead. The rules of notice are
those of `rate_cards`."""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organization, User
from generations import rate_cards
from generations.models import PlanMargin, RateAgreement, RateCard
from generations.pricing import WHOLE_BASIS_POINTS
from seedance_saas.errors import InvalidRequest

logger = logging.getLogger(__name__)


@transaction.atomic
def set_for_plan(
    plan: str,
    margin_basis_points: int,
    *,
    effective_from: datetime,
    why: str,
    actor: User | None = None,
    address: str | None = None,
) -> PlanMargin:
    """From then on the plan pays the list plus so many hundredths of a percent; a new plan begins so. One row in
    the house's audit trail.

    Raises InvalidRequest or NotEnoughNotice. Two at once for one plan: one of them raises IntegrityError.
    """
    _demand_a_price(margin_basis_points)
    rate_cards.demand_notice(effective_from)
    margin = PlanMargin.objects.create(
        plan=plan,
        revision=PlanMargin.objects.filter(plan=plan).count() + 1,
        margin_basis_points=margin_basis_points,
        effective_from=effective_from,
        why=why,
    )
    audit.note(
        None, "plan_margin.set", plan, actor=actor, address=address,
        after={
            "basis_points": margin_basis_points,
            "effective_from": effective_from.isoformat(), "reason": why,
        },
    )  # fmt: skip
    logger.info(
        "plan_margin.set plan=%s revision=%s basis_points=%s effective_from=%s",
        plan, margin.revision, margin_basis_points, effective_from.isoformat(),
    )  # fmt: skip
    return margin


@transaction.atomic
def agree(
    organization: Organization,
    *,
    effective_from: datetime,
    why: str,
    card_version: str | None = None,
    margin_basis_points: int | None = None,
    actor: User | None = None,
    address: str | None = None,
) -> RateAgreement:
    """From then on the organization pays by that card, or by the list with that margin; with neither, by
    its plan again. One audit row, which says that it changed and not our margin.

    Raises InvalidRequest or NotEnoughNotice. Two at once: one of them raises IntegrityError.
    """
    if card_version is not None and margin_basis_points is not None:
        raise InvalidRequest("Agree on a card or on a margin, not on both.", param="card_version")
    if margin_basis_points is not None:
        _demand_a_price(margin_basis_points)
    if card_version is not None and not (
        RateCard.objects.filter(pk=card_version, effective_from__lte=effective_from).exists()
    ):
        raise InvalidRequest(
            f"Rate card {card_version} is not published, or begins later.", param="card_version"
        )
    rate_cards.demand_notice(effective_from)
    agreement = RateAgreement.objects.create(
        organization=organization,
        revision=RateAgreement.objects.filter(organization=organization).count() + 1,
        card_id=card_version,
        margin_basis_points=margin_basis_points,
        effective_from=effective_from,
        why=why,
    )
    audit.note(
        organization,
        "rates.agreed",
        organization.pk,
        actor=actor,
        address=address,
        after={
            "revision": agreement.revision,
            "rate_card": card_version,
            "effective_from": effective_from.isoformat(),
        },
    )
    return agreement


@transaction.atomic
def put_on_plan(
    organization: Organization,
    plan: str,
    *,
    actor: User | None = None,
    address: str | None = None,
) -> None:
    """The organization pays by that plan from its next request on. A repeat changes nothing. One audit row.

    Raises InvalidRequest for a plan that has no margin in force: it would have no prices.
    """
    margins = PlanMargin.objects.filter(plan=plan, effective_from__lte=timezone.now())
    if not margins.exists():
        raise InvalidRequest(f"The plan {plan} has no prices yet.", param="plan")
    before = Organization.objects.select_for_update().get(pk=organization.pk).plan
    organization.plan = plan
    if before != plan:
        organization.save(update_fields=["plan"])
        audit.note(
            organization,
            "plan.changed",
            organization.pk,
            actor=actor,
            address=address,
            before={"plan": before},
            after={"plan": plan},
        )


def _demand_a_price(margin_basis_points: int) -> None:
    if margin_basis_points <= -WHOLE_BASIS_POINTS:
        raise InvalidRequest(
            "A margin must leave a price: more than -10000 basis points.",
            param="margin_basis_points",
            more_than=-WHOLE_BASIS_POINTS,
        )
