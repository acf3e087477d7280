"""Which prices hold for whom, and how prices are published.

What is published never changes and begins at least NOTICE later. A process reads everything that was ever
published and keeps it for CACHE_SECONDS at most, so that a create reads no prices and yet no process can
miss one: the database itself refuses a COMMIT that leaves less than COMMIT_NOTICE, which is the age of the
oldest cache and a quarter of a minute for clocks that differ. A plan is read afresh with every request.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Protocol, TypeVar

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organization, User
from generations import catalog, models, pricing
from generations.errors import AlreadyPublished, DraftReplaced, NoRate, NotEnoughNotice
from seedance_saas.errors import InvalidRequest

logger = logging.getLogger(__name__)

NOTICE = timedelta(seconds=60)  # asked for here
COMMIT_NOTICE = timedelta(seconds=45)  # left at COMMIT: migration 0005 says the same
CACHE_SECONDS = 30.0


class _Begins(Protocol):
    @property
    def effective_from(self) -> datetime | None: ...


B = TypeVar("B", bound=_Begins)


@dataclass(frozen=True)
class _Published:
    """All that was published when it was read; every list newest first."""

    read_at: float  # a little before the database was asked
    cards: dict[str, pricing.RateCard]
    lists: list[pricing.RateCard]
    margins: dict[str, list[models.PlanMargin]]
    agreements: dict[str, list[models.RateAgreement]]


_cached: _Published | None = None


# -- which prices hold ----------------------------------------------------------------------------


def for_organization(organization: Organization, at: datetime) -> pricing.RateCard:
    """The rates that `organization`, on the plan it has now, pays for what it asks for at `at`.

    What was agreed with it comes before its plan. Raises NoRate when no price is known. Reads nothing,
    or three times once in CACHE_SECONDS.
    """
    published = _published()
    return _resolve(published, _list(published, at), organization, at)


def with_list(card: pricing.RateCard, organization: Organization) -> pricing.RateCard:
    """What the organization would pay today if `card` were the list. Raises NoRate."""
    now = timezone.now()
    return _resolve(_published(), replace(card, effective_from=now), organization, now)


def _resolve(
    published: _Published, listed: pricing.RateCard, organization: Organization, at: datetime
) -> pricing.RateCard:
    agreement = _in_force(published.agreements.get(organization.pk, ()), at)
    if agreement and agreement.card_id:
        card = published.cards[agreement.card_id]
        return replace(card, basis=f"card {card.version}, agreed: {agreement.why}")
    if agreement and agreement.margin_basis_points is not None:
        return _with_margin(
            listed, agreement, agreement.margin_basis_points, "own", f"agreed: {agreement.why}"
        )
    margin = _in_force(published.margins.get(organization.plan, ()), at)
    if margin is None:
        raise NoRate(f"There is no price for the plan {organization.plan}.")
    return _with_margin(
        listed, margin, margin.margin_basis_points, margin.plan, f"plan {margin.plan}"
    )


def list_card(at: datetime) -> pricing.RateCard:
    """The list that holds at `at`, before any margin. Raises NoRate."""
    return _list(_published(), at)


def find(version: str) -> pricing.RateCard | None:
    """The published card of that version, whether it holds or not."""
    return _published().cards.get(version)


def _list(published: _Published, at: datetime) -> pricing.RateCard:
    card = _in_force(published.lists, at)
    if card is None:
        raise NoRate("There is no price list yet.")
    return card


def _with_margin(
    card: pricing.RateCard,
    margin: models.PlanMargin | models.RateAgreement,
    basis_points: int,
    name: str,
    why: str,
) -> pricing.RateCard:
    """The label names list, plan and revision, from which the rates follow exactly; no margin, no addition."""
    assert card.effective_from, card.version
    return _marked_up(
        card,
        basis_points,
        f"{card.version}/{name}.{margin.revision}" if basis_points else card.version,
        max(card.effective_from, margin.effective_from) if basis_points else card.effective_from,
        f"list {card.version} {basis_points:+d} bp, {why}",
    )


@lru_cache(maxsize=1024)
def _marked_up(
    card: pricing.RateCard, basis_points: int, version: str, effective_from: datetime, basis: str
) -> pricing.RateCard:
    return pricing.with_margin(
        card, basis_points, version=version, effective_from=effective_from, basis=basis
    )


def _in_force(newest_first: Iterable[B], at: datetime) -> B | None:
    return next(
        (one for one in newest_first if one.effective_from and one.effective_from <= at), None
    )


def _published() -> _Published:
    """Threads that find it too old at once may read it twice, which harms nobody."""
    global _cached
    cached = _cached
    if cached is None or not 0 <= monotonic() - cached.read_at < CACHE_SECONDS:
        cached = _cached = _read()
    return cached


def _read() -> _Published:
    read_at = monotonic()
    # Agreements first: a card that is agreed on was published before, and so is read after.
    agreements: dict[str, list[models.RateAgreement]] = {}
    for agreement in models.RateAgreement.objects.order_by("-effective_from"):
        agreements.setdefault(agreement.organization_id, []).append(agreement)
    margins: dict[str, list[models.PlanMargin]] = {}
    for margin in models.PlanMargin.objects.order_by("-effective_from"):
        margins.setdefault(margin.plan, []).append(margin)
    rows: dict[models.RateCard, list[models.RateRule]] = {}
    rules = models.RateRule.objects.filter(card__published_at__isnull=False).select_related("card")
    for rule in rules.order_by("-card__effective_from", "card_id", "position"):
        rows.setdefault(rule.card, []).append(rule)
    cards = {card.version: value(card, of_card) for card, of_card in rows.items()}
    lists = [cards[card.version] for card in rows if card.is_list]
    return _Published(read_at, cards, lists, margins, agreements)


def forget_cached() -> None:
    """The next question reads the database: for tests, which do not wait, and for one-off commands."""
    global _cached
    _cached = None


def value(card: models.RateCard, rules: Sequence[models.RateRule]) -> pricing.RateCard:
    """What a row, draft or published, and its rules in their order say."""
    return pricing.RateCard(
        version=card.version,
        rules=tuple(
            pricing.Rule(
                name=rule.name,
                tier=rule.tier,
                model=rule.model,
                resolution=rule.resolution,
                rate_microusd_per_second=rule.rate_microusd_per_second,
                cost_microusd_per_second=rule.cost_microusd_per_second,
            )
            for rule in rules
        ),
        effective_from=card.effective_from,
    )


# -- publish --------------------------------------------------------------------------------------


@transaction.atomic
def draft(card: pricing.RateCard, *, is_list: bool = True, note: str = "") -> models.RateCard:
    """Keep the card as a draft, in place of the draft of that version. Nobody pays by it.

    Raises AlreadyPublished. Locks the draft.
    """
    held = models.RateCard.objects.select_for_update().filter(pk=card.version).first()
    if held and held.published_at:
        raise AlreadyPublished(f"Rate card {card.version} is published.", param="version")
    if held:
        held.delete()
    row = models.RateCard.objects.create(version=card.version, is_list=is_list, note=note)
    models.RateRule.objects.bulk_create(
        models.RateRule(
            card=row,
            position=position,
            name=rule.name,
            tier=rule.tier,
            model=rule.model,
            resolution=rule.resolution,
            rate_microusd_per_second=rule.rate_microusd_per_second,
            cost_microusd_per_second=rule.cost_microusd_per_second,
        )
        for position, rule in enumerate(card.rules, start=1)
    )
    return row


@transaction.atomic
def publish(
    version: str,
    *,
    effective_from: datetime,
    drafted_at: datetime | None = None,
    why: str = "",
    actor: User | None = None,
    address: str | None = None,
) -> pricing.RateCard:
    """The draft holds from `effective_from` on, for good. In a transaction of its own: it must commit soon. One
    row in the house's audit trail.

    `drafted_at` is that of the draft that a person has looked at, which another may have replaced since.
    Raises InvalidRequest (no such draft, or it leaves something on sale without a price),
    NotEnoughNotice, DraftReplaced or AlreadyPublished; then it is still a draft. Locks the draft.
    """
    row = models.RateCard.objects.select_for_update().filter(pk=version).first()
    if row is None:
        raise InvalidRequest(f"There is no draft {version}.", param="version")
    if row.published_at:
        raise AlreadyPublished(f"Rate card {version} is published.", param="version")
    if drafted_at and row.created_at != drafted_at:
        raise DraftReplaced(f"Draft {version} was replaced meanwhile: look at its prices first.")
    card = value(row, list(row.rules.order_by("position")))
    if faults := missing(card):
        raise InvalidRequest(" ".join(faults), param="rules", missing=faults)
    demand_notice(effective_from)
    row.effective_from, row.published_at = effective_from, timezone.now()
    row.save(update_fields=["effective_from", "published_at"])
    audit.note(
        None, "rate_card.published", version, actor=actor, address=address,
        after={"effective_from": effective_from.isoformat(), "reason": why},
    )  # fmt: skip
    logger.info(
        "rate_card.published version=%s is_list=%s effective_from=%s rules=%s",
        version, row.is_list, effective_from.isoformat(),
        ",".join(f"{rule.name}:{rule.rate_microusd_per_second}" for rule in card.rules),
    )  # fmt: skip
    return replace(card, effective_from=effective_from)


def demand_notice(effective_from: datetime) -> None:
    """Raises NotEnoughNotice for what would begin before every process can know it."""
    earliest = timezone.now() + NOTICE
    if effective_from < earliest:
        raise NotEnoughNotice(
            f"Prices begin at least {NOTICE.seconds} seconds from now, so that every process knows them.",
            param="effective_from",
            earliest=earliest.isoformat(),
        )


def missing(card: pricing.RateCard) -> list[str]:
    """In words, what is on sale and has no price on this card."""
    found = []
    for model in catalog.MODELS:
        for resolution in model.resolutions:
            try:
                card.rule_for(model, resolution)
            except NoRate as no_rate:
                found.append(no_rate.message)
    return found


def under_cost(card: pricing.RateCard) -> list[tuple[str, pricing.Rule]]:
    """The rules of the card by which we would be paid less than we pay: of the list, and of every plan with
    the margin that it has, or will have last. Each with the name of who pays so."""
    now = timezone.now()
    payers = [("the list", card)]
    for plan, margins in _published().margins.items():
        basis_points = margins[0].margin_basis_points
        if basis_points:
            payers.append((f"plan {plan}", _marked_up(card, basis_points, card.version, now, "")))
    return [
        (name, rule)
        for name, priced in payers
        for rule in priced.rules
        if rule.rate_microusd_per_second < rule.cost_microusd_per_second
    ]
