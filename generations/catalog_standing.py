"""How the catalog stands with each provider: the newest schema of each model, and what follows from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from generations import catalog, catalog_differences, offers
from generations.models import ModelSchema
from generations.providers import registry

LATE = timedelta(days=2)  # it is read every night


@dataclass(frozen=True)
class Standing:
    """One model at one provider. What was never read has no `number`, and the documents hold."""

    provider: str
    model: catalog.Model
    is_sold: bool  # do we sell through the provider?
    is_asked: bool
    number: int | None = None
    read_at: datetime | None = None
    confirmed_at: datetime | None = None
    differences: tuple[str, ...] = ()  # from the one before, or from the documents
    listed: tuple[str, ...] = ()  # and, where we sell through it, open
    closed: tuple[str, ...] = ()
    without_price: tuple[str, ...] = ()
    seconds: tuple[int, ...] = ()

    @property
    def slug(self) -> str:
        return self.model.slugs[self.provider]

    @property
    def is_unverified(self) -> bool:
        """No document shows the name, and the provider has not answered to it either."""
        return self.provider in self.model.unverified and not self.seconds

    @property
    def is_late(self) -> bool:
        return bool(self.confirmed_at and timezone.now() - self.confirmed_at > LATE)


def standings() -> list[Standing]:
    """Every model at every provider that sells it, in the catalog's order; one read."""
    versions = ModelSchema.objects.alias(
        age=Window(
            RowNumber(), partition_by=[F("provider"), F("model")], order_by=F("number").desc()
        )
    ).filter(age__lte=2)
    found: dict[tuple[str, str], list[ModelSchema]] = {}
    for row in versions.order_by("-number"):
        found.setdefault((row.provider, row.model), []).append(row)
    asked = registry.schema_readers()
    return [
        _standing(provider, model, provider in asked, found.get((provider, model.slug), []))
        for model in catalog.MODELS
        for provider in model.slugs
    ]


def _standing(
    provider: str, model: catalog.Model, is_asked: bool, newest_first: list[ModelSchema]
) -> Standing:
    is_sold = provider in registry.SOLD_THROUGH
    documented = catalog_differences.documented(model)
    if not newest_first:
        return Standing(
            provider, model, is_sold, is_asked, listed=documented.resolutions if is_sold else ()
        )
    newest, *older = newest_first
    now = offers.read(newest.schema)
    before = offers.read(older[0].schema) if older else documented
    priced = tuple(name for name in now.resolutions if catalog_differences.has_price(model, name))
    return Standing(
        provider=provider,
        model=model,
        is_sold=is_sold,
        is_asked=is_asked,
        number=newest.number,
        read_at=newest.read_at,
        confirmed_at=newest.confirmed_at,
        differences=tuple(catalog_differences.between(provider, model, before, now)),
        listed=priced if is_sold else now.resolutions,
        closed=tuple(
            name
            for name in dict.fromkeys((*documented.resolutions, *before.resolutions))
            if name not in now.resolutions
        ),
        without_price=tuple(name for name in now.resolutions if name not in priced),
        seconds=now.seconds,
    )
