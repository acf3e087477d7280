"""Reads what the providers say of our models now, keeps each version, and tells how it differs from the last."""

import logging
from dataclasses import dataclass
from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from generations import catalog, catalog_differences, offers, rate_cards
from generations.models import ModelSchema
from generations.providers import registry
from generations.providers.base import ProviderUnavailable, SchemaReader

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Difference:
    """One line for the operator. `is_trouble`: nothing was learned, and what was known stays in force."""

    provider: str
    model: str
    words: str
    is_trouble: bool = False

    def __str__(self) -> str:
        return f"{self.provider} {self.model}: {self.words}"


def sync() -> list[Difference]:
    """Ask each provider that can be asked for every model. A repeat finds no difference.

    No transaction may be open.
    """
    found = [
        difference
        for provider, reader in registry.schema_readers().items()
        for model in catalog.MODELS
        for difference in _sync_one(provider, model, reader)
    ]
    offers.forget_cached()
    for difference in found:
        level = logging.ERROR if difference.is_trouble else logging.WARNING
        logger.log(level, "catalog.differs %s", difference)
    return found


def _sync_one(provider: str, model: catalog.Model, reader: SchemaReader) -> list[Difference]:
    try:
        schema = reader.schema(model.slugs[provider])
        now_listed = offers.read(schema)
    except (ProviderUnavailable, offers.Unreadable) as error:
        return [_not_learned(provider, model, str(error))]
    last = _last(provider, model)
    now = timezone.now()
    if last and last.schema == schema:
        ModelSchema.objects.filter(pk=last.pk).update(confirmed_at=now)
        return []
    try:
        with transaction.atomic():
            ModelSchema.objects.create(
                provider=provider,
                model=model.slug,
                number=last.number + 1 if last else 1,
                schema=schema,
                read_at=now,
                confirmed_at=now,
            )
    except IntegrityError:  # another process read it at the same time, and tells
        return []
    except DataError:  # JSON that the database does not take: NUL, half a character, NaN
        return [_not_learned(provider, model, "it cannot be kept")]
    before = offers.read(last.schema) if last else catalog_differences.documented(model)
    words = catalog_differences.between(provider, model, before, now_listed)
    return [Difference(provider, model.slug, each) for each in words]


def _not_learned(provider: str, model: catalog.Model, why: str) -> Difference:
    words = f"not learned, what was known stays: {why}"
    return Difference(provider, model.slug, words, is_trouble=True)


def _last(provider: str, model: catalog.Model) -> ModelSchema | None:
    rows = ModelSchema.objects.filter(provider=provider, model=model.slug)
    return rows.order_by("-number").first()


def table() -> list[tuple[str, ...]]:
    """The catalog as it is sold now: a row for each model and resolution, with who sells it and its price."""
    rules = rate_cards.list_card(timezone.now())
    rows: list[tuple[Any, ...]] = []
    for model in catalog.MODELS:
        offer = offers.of(model)
        names = [
            f"{provider} {slug}{' (unverified)' if provider in model.unverified else ''}"
            for provider, slug in model.slugs.items()
        ]
        sold_as = ", ".join(names)
        for name in offer.resolutions:
            rule = rules.rule_for(model, name)
            seconds = f"{offer.seconds[0]}..{offer.seconds[-1]} s"
            rows.append(
                (model.slug, name, seconds, rule.name, rule.rate_microusd_per_second, sold_as)
            )
        if not offer.resolutions:
            rows.append((model.slug, "closed", "", "", 0, sold_as))
    return rows
