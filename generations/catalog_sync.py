"""Reads what the providers say of our models now, keeps each version, and tells how it differs from the last."""

import logging
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from generations import catalog, offers, rate_cards
from generations.models import ModelSchema
from generations.providers import registry
from generations.providers.base import ProviderUnavailable

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
    """Ask every provider for every model that it sells. A repeat finds no difference. No transaction may be open."""
    found = [
        difference
        for model in catalog.MODELS
        for provider, slug in model.slugs.items()
        if provider in registry.NAMES
        for difference in _sync_one(provider, model, slug)
    ]
    offers.forget_cached()
    for difference in found:
        level = logging.ERROR if difference.is_trouble else logging.WARNING
        logger.log(level, "catalog.differs %s", difference)
    return found


def _sync_one(provider: str, model: catalog.Model, slug: str) -> list[Difference]:
    try:
        schema = registry.get(provider).schema(slug)
        now_listed = offers.read(schema)
    except (ProviderUnavailable, offers.Unreadable) as error:
        words = f"not learned, what was known stays: {error}"
        return [Difference(provider, model.slug, words, is_trouble=True)]
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
    before = offers.read(last.schema) if last else offers.Options(model.resolutions, model.seconds)
    return [
        Difference(provider, model.slug, words) for words in _differs(model, before, now_listed)
    ]


def _last(provider: str, model: catalog.Model) -> ModelSchema | None:
    rows = ModelSchema.objects.filter(provider=provider, model=model.slug)
    return rows.order_by("-number").first()


def _differs(model: catalog.Model, before: offers.Options, now: offers.Options) -> list[str]:
    if now == offers.NOTHING:
        return ["the provider does not know it any more; closed"] if before != now else []
    words = []
    rules = rate_cards.list_card(timezone.now())
    for name in now.resolutions:
        if name not in before.resolutions:
            priced = name in catalog.RESOLUTIONS and bool(rules.rules_for(model, name))
            words.append(
                f"{name} opened" if priced else f"{name} is listed, and has no price: not sold"
            )
    words += [f"{name} closed" for name in before.resolutions if name not in now.resolutions]
    for said, seconds in (
        ("opened", set(now.seconds) - set(before.seconds)),
        ("closed", set(before.seconds) - set(now.seconds)),
    ):
        if seconds:
            words.append(f"durations {said}: {', '.join(map(str, sorted(seconds)))} s")
    if before.fields:
        words += [f"new field {name}" for name in now.fields if name not in before.fields]
        words += [f"field {name} is gone" for name in before.fields if name not in now.fields]
    return words or (["the schema reads differently and offers the same"] if before.fields else [])


def table() -> list[tuple[str, ...]]:
    """The catalog as it is sold now: a row for each model and resolution, with who sells it and its price."""
    rules = rate_cards.list_card(timezone.now())
    rows: list[tuple[Any, ...]] = []
    for model in catalog.MODELS:
        offer = offers.of(model)
        sold_as = ", ".join(f"{name} {slug}" for name, slug in model.slugs.items())
        for name in offer.resolutions:
            rule = rules.rule_for(model, name)
            seconds = f"{offer.seconds[0]}..{offer.seconds[-1]} s"
            rows.append(
                (model.slug, name, seconds, rule.name, rule.rate_microusd_per_second, sold_as)
            )
        if not offer.resolutions:
            rows.append((model.slug, "closed", "", "", 0, sold_as))
    return rows
