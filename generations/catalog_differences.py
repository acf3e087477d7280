"""Two versions of what a provider lists, compared in words for the operator."""

from django.utils import timezone

from generations import catalog, offers, rate_cards
from generations.providers import registry


def documented(model: catalog.Model) -> offers.Options:
    """What a first schema is compared with."""
    return offers.Options(model.resolutions, model.seconds)


def between(
    provider: str, model: catalog.Model, before: offers.Options, now: offers.Options
) -> list[str]:
    """A line for each difference; none if nothing that we read differs."""
    is_sold = provider in registry.SOLD_THROUGH
    opened, closed = ("opened", "closed") if is_sold else ("listed", "not listed any more")
    if now == offers.NOTHING:
        end = "; closed" if is_sold else ""
        return [f"the provider does not know it any more{end}"] if before != now else []
    words = []
    for name in now.resolutions:
        if name not in before.resolutions:
            without = is_sold and not has_price(model, name)
            words.append(
                f"{name} is listed, and has no price: not sold" if without else f"{name} {opened}"
            )
    words += [f"{name} {closed}" for name in before.resolutions if name not in now.resolutions]
    for said, seconds in (
        (opened, set(now.seconds) - set(before.seconds)),
        (closed, set(before.seconds) - set(now.seconds)),
    ):
        if seconds:
            words.append(f"durations {said}: {', '.join(map(str, sorted(seconds)))} s")
    if before.fields:
        words += [f"new field {name}" for name in now.fields if name not in before.fields]
        words += [f"field {name} is gone" for name in before.fields if name not in now.fields]
    return words or (["the schema reads differently and offers the same"] if before.fields else [])


def has_price(model: catalog.Model, resolution: str) -> bool:
    """Only what has a price can be sold."""
    rules = rate_cards.list_card(timezone.now()).rules_for(model, resolution)
    return resolution in catalog.RESOLUTIONS and bool(rules)
