"""What a month would have brought at other prices: its generations are priced again, and nothing is written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce

from accounts.models import Organization
from generations import catalog, pricing, rate_cards
from generations.errors import NoRate
from generations.models import Generation
from generations.states import State


@dataclass(frozen=True)
class Usage:
    """What one organization had made of one model at one resolution in the month, and what it came to."""

    organization_id: str
    organization: str
    plan: str
    model: str
    resolution: str
    generations: int
    seconds: int
    charged_microusd: int
    cost_microusd: int


@dataclass(frozen=True)
class Outcome:
    """Revenue and cost of the same work, as it was and at the draft."""

    name: str
    generations: int = 0
    seconds: int = 0
    revenue_now_microusd: int = 0
    cost_now_microusd: int = 0
    revenue_draft_microusd: int = 0
    cost_draft_microusd: int = 0

    @property
    def margin_now_microusd(self) -> int:
        return self.revenue_now_microusd - self.cost_now_microusd

    @property
    def margin_draft_microusd(self) -> int:
        return self.revenue_draft_microusd - self.cost_draft_microusd


@dataclass(frozen=True)
class Comparison:
    """`unpriced` is work that the draft has no rule for: it counts in no number, for it would be refused."""

    by_model: list[Outcome]
    by_organization: list[Outcome]
    total: Outcome
    unpriced: list[Usage] = field(default_factory=list)


def month_of(text: str) -> tuple[datetime, datetime]:
    """The first moments of the month "2026-05" and of the next one, in UTC. Raises ValueError."""
    first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    return first, first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def usage(starts_at: datetime, ends_at: datetime, *, plan: str | None = None) -> list[Usage]:
    """What succeeded in that time, added up; of the organizations on `plan` alone, if it is given."""
    rows = Generation.objects.filter(
        state=State.SUCCEEDED, finished_at__gte=starts_at, finished_at__lt=ends_at
    )
    if plan is not None:
        rows = rows.filter(organization__plan=plan)
    by_rule = F("billed_seconds") * F("cost_microusd_per_second")
    grouped = rows.values(
        "organization_id", "organization__name", "organization__plan", "model", "resolution"
    ).annotate(
        generations=Count("id"),
        seconds=Sum("billed_seconds"),
        charged=Sum("charged_microusd"),
        cost=Sum(Coalesce("upstream_cost_microusd", by_rule)),
    )
    return [
        Usage(
            organization_id=row["organization_id"],
            organization=row["organization__name"],
            plan=row["organization__plan"],
            model=row["model"],
            resolution=row["resolution"],
            generations=row["generations"],
            seconds=row["seconds"],
            charged_microusd=row["charged"],
            cost_microusd=row["cost"],
        )
        for row in grouped.order_by("organization_id", "model", "resolution")
    ]


def compare(used: Iterable[Usage], rates_of: Callable[[Usage], pricing.RateCard]) -> Comparison:
    """Price every usage by the card that `rates_of` gives for it. Pure: what is charged is linear in seconds."""
    models: dict[str, Outcome] = {}
    organizations: dict[str, Outcome] = {}
    total = Outcome("total")
    unpriced = []
    for one in used:
        model = catalog.find(one.model)
        assert model is not None, one.model
        try:
            rule = rates_of(one).rule_for(model, one.resolution)
        except NoRate:
            unpriced.append(one)
            continue
        models[one.model] = _add(models.get(one.model, Outcome(one.model)), one, rule)
        organizations[one.organization_id] = _add(
            organizations.get(one.organization_id, Outcome(one.organization)), one, rule
        )
        total = _add(total, one, rule)
    return Comparison(list(models.values()), list(organizations.values()), total, unpriced)


def replay(
    draft: pricing.RateCard, starts_at: datetime, ends_at: datetime, *, plan: str | None = None
) -> Comparison:
    """The months's work at `draft` as the list: each organization with the margin that it has now, and one
    that has a card of its own by that card. Reads; writes nothing."""
    used = usage(starts_at, ends_at, plan=plan)
    organizations = Organization.objects.in_bulk({one.organization_id for one in used})
    cards = {
        key: rate_cards.with_list(draft, organization)
        for key, organization in organizations.items()
    }
    return compare(used, lambda one: cards[one.organization_id])


def _add(outcome: Outcome, one: Usage, rule: pricing.Rule) -> Outcome:
    return replace(
        outcome,
        generations=outcome.generations + one.generations,
        seconds=outcome.seconds + one.seconds,
        revenue_now_microusd=outcome.revenue_now_microusd + one.charged_microusd,
        cost_now_microusd=outcome.cost_now_microusd + one.cost_microusd,
        revenue_draft_microusd=(
            outcome.revenue_draft_microusd + one.seconds * rule.rate_microusd_per_second
        ),
        cost_draft_microusd=(
            outcome.cost_draft_microusd + one.seconds * rule.cost_microusd_per_second
        ),
    )
