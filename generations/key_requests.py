"""What is asked of a key, as the API and the page read it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts import key_terms
from accounts.key_terms import Terms, WiderThanOwn
from accounts.models import ApiKey
from billing import budgets, budgets_api
from billing.models import Budget
from generations import catalog
from seedance_saas.api import read_moment, require_known
from seedance_saas.errors import InvalidRequest

PERSONAL, OF_ORGANIZATION = "personal", "organization"
LIST_LENGTH_MAX = 100


@dataclass(frozen=True)
class KeyRequest:
    """`limit_microusd` None: no budget of its own."""

    name: str
    terms: Terms
    limit_microusd: int | None
    period: str


def read(body: dict[str, Any], by_key: ApiKey) -> KeyRequest:
    """Raises UnknownField or InvalidRequest for the first fault, naming its field; WiderThanOwn for a kind of
    key that `by_key` does not make: what is not said is its own."""
    require_known(body, FIELDS)
    _require_own_kind(body.get("kind"), by_key)
    limit_microusd, period = _budget(body.get("budget"))
    return KeyRequest(
        name=key_terms.read_name(body.get("name")),
        terms=Terms(**read_terms(body, _TERMS)),
        limit_microusd=limit_microusd,
        period=period,
    )


def read_change(body: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The name, or None, and the terms that are to change; null lifts one. Raises as `read`."""
    require_known(body, ("name", *_TERMS))
    name = key_terms.read_name(body["name"]) if "name" in body else None
    return name, read_terms(body, [field for field in _TERMS if field in body])


def read_terms(body: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """These `fields` of Terms; one that the body lacks, or has as null, limits nothing. Raises InvalidRequest."""
    return {field: _TERMS[field](body) for field in fields}


def _require_own_kind(kind: object, by_key: ApiKey) -> None:
    kinds = (PERSONAL, OF_ORGANIZATION)
    if kind is not None and kind not in kinds:
        raise InvalidRequest(
            f"kind must be one of: {', '.join(kinds)}.", param="kind", allowed=list(kinds)
        )
    own = PERSONAL if by_key.is_personal else OF_ORGANIZATION
    if kind is not None and kind != own:
        raise WiderThanOwn(
            f"A key makes keys of its own kind alone: kind may be {own}.", param="kind", own=own
        )


def read_overlap_seconds(body: dict[str, Any]) -> int:
    """How long the secret before is to work; a day if nothing is said. The verb knows the limits."""
    require_known(body, ("overlap_seconds",))
    seconds = body.get("overlap_seconds", 86_400)
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise InvalidRequest("overlap_seconds must be a whole number.", param="overlap_seconds")
    return seconds


def read_models(names: Iterable[str]) -> tuple[str, ...]:
    """Our slugs, in the catalog's order, of names that may be an upstream's. Raises InvalidRequest."""
    found = set()
    for name in names:
        model = catalog.find(name)
        if model is None:
            raise InvalidRequest(
                f"There is no model {name[:100]!r}.",
                param="allowed_models",
                allowed=[model.slug for model in catalog.MODELS],
            )
        found.add(model.slug)
    return tuple(model.slug for model in catalog.MODELS if model.slug in found)


def read_resolutions(names: Iterable[str]) -> tuple[str, ...]:
    given = set(names)
    if unknown := sorted(given - set(catalog.RESOLUTIONS)):
        raise InvalidRequest(
            f"There is no resolution {unknown[0][:20]!r}.",
            param="allowed_resolutions",
            allowed=list(catalog.RESOLUTIONS),
        )
    return tuple(name for name in catalog.RESOLUTIONS if name in given)


def _texts(body: dict[str, Any], name: str) -> list[str]:
    """A list of texts; without one, or with null, nothing is limited."""
    values = body.get(name)
    if values is None:
        return []
    if (
        not isinstance(values, list)
        or len(values) > LIST_LENGTH_MAX
        or not all(isinstance(value, str) for value in values)
    ):
        raise InvalidRequest(
            f"{name} must be a list of at most {LIST_LENGTH_MAX} texts.",
            param=name,
            length_max=LIST_LENGTH_MAX,
        )
    return values


def _expiry(value: object) -> datetime | None:
    return None if value is None else key_terms.read_expiry(read_moment(value, param="expires_at"))


def _budget(value: object) -> tuple[int | None, str]:
    if value is None:
        return None, budgets.PERIOD_DEFAULT
    if not isinstance(value, dict) or "limit_usd" not in value:
        raise InvalidRequest(
            "budget must be an object with limit_usd and, if you like, period; or null.",
            param="budget",
        )
    require_known(value, ("limit_usd", "period"), of="budget")
    period = value.get("period")
    if period is None:
        period = budgets.PERIOD_DEFAULT
    if period not in Budget.Period.values:
        raise InvalidRequest(
            f"budget.period must be one of: {', '.join(Budget.Period.values)}.",
            param="budget.period",
            allowed=Budget.Period.values,
        )
    return budgets_api.read_limit(value["limit_usd"], param="budget.limit_usd"), period


_TERMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "scopes": lambda body: key_terms.read_scopes(_texts(body, "scopes")),
    "allowed_models": lambda body: read_models(_texts(body, "allowed_models")),
    "allowed_resolutions": lambda body: read_resolutions(_texts(body, "allowed_resolutions")),
    "allowed_addresses": lambda body: key_terms.read_addresses(_texts(body, "allowed_addresses")),
    "concurrent_max": lambda body: key_terms.read_concurrent_max(body.get("concurrent_max")),
    "expires_at": lambda body: _expiry(body.get("expires_at")),
}
FIELDS = ("name", "kind", *_TERMS, "budget")
