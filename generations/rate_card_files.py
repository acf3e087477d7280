"""Rate cards as the operator writes them: a JSON file, amounts as decimal strings in dollars.

    {"version": "2026-07-01", "note": "The provider's prices rose.",
     "rules": [{"name": "fast 480p", "tier": "fast", "resolution": "480p",
                "rate_usd_per_second": "0.1180", "cost_usd_per_second": "0.1129"}, ...]}

The first rule that matches wins. `tier`, `model` (our slug) and `resolution` are conditions; a rule without
one of them matches whatever it is. `name` is what receipts show.
"""

import re
from typing import Any

from generations import catalog
from generations.pricing import RateCard, Rule
from seedance_saas.api import microusd
from seedance_saas.errors import InvalidRequest

VERSION = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9.-]{0,29}"
)  # without what a label adds: "/plan.revision"
_CONDITIONS: dict[str, tuple[str, ...]] = {
    "tier": tuple(catalog.Tier),
    "model": tuple(model.slug for model in catalog.MODELS),
    "resolution": catalog.RESOLUTIONS,
}
_REQUIRED = {"name", "rate_usd_per_second", "cost_usd_per_second"}


def read(content: Any) -> tuple[RateCard, str]:
    """The card of a file's JSON, and its note. Raises InvalidRequest, which names the rule and the field."""
    if not isinstance(content, dict) or not content.keys() <= {"version", "note", "rules"}:
        raise InvalidRequest("A rate card is an object of version, note and rules.")
    version, rules = content.get("version"), content.get("rules")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise InvalidRequest(
            "version must be 1 to 30 letters, digits, dots and dashes.", param="version"
        )
    if not isinstance(rules, list) or not rules:
        raise InvalidRequest("rules must be a list of at least one rule.", param="rules")
    card = RateCard(
        version, tuple(_rule(f"rules[{place}]", rule) for place, rule in enumerate(rules))
    )
    names = [rule.name for rule in card.rules]
    if len(set(names)) < len(names):
        raise InvalidRequest("Every rule needs a name of its own.", param="rules")
    return card, str(content.get("note") or "")


def _rule(where: str, rule: Any) -> Rule:
    allowed = _REQUIRED | _CONDITIONS.keys()
    if not isinstance(rule, dict) or not (_REQUIRED <= rule.keys() <= allowed):
        raise InvalidRequest(
            f"{where} must have {', '.join(sorted(_REQUIRED))}, and may have {', '.join(_CONDITIONS)}.",
            param=where,
        )
    name = rule["name"]
    if not isinstance(name, str) or not 1 <= len(name) <= 60:
        raise InvalidRequest(f"{where}.name must be a text of 1 to 60 characters.", param=where)
    for condition, known in _CONDITIONS.items():
        if rule.get(condition) is not None and rule[condition] not in known:
            raise InvalidRequest(
                f"{where}.{condition} must be one of: {', '.join(known)}.", param=where
            )
    rate = microusd(rule["rate_usd_per_second"], param=f"{where}.rate_usd_per_second")
    if rate <= 0:
        raise InvalidRequest(f"{where}: a rate must be more than nothing.", param=where)
    return Rule(
        name=name,
        tier=rule.get("tier") or "",
        model=rule.get("model") or "",
        resolution=rule.get("resolution") or "",
        rate_microusd_per_second=rate,
        cost_microusd_per_second=microusd(
            rule["cost_usd_per_second"], param=f"{where}.cost_usd_per_second"
        ),
    )
