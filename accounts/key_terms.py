"""What a key may do, use and come from: how that is read, compared and asked."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.utils import timezone

from accounts.models import ApiKey
from seedance_saas.api import moment
from seedance_saas.errors import Forbidden, InvalidRequest

# In the order in which people are offered them.
SCOPES = {
    "generations:write": "make, cancel and erase videos; quotes and uploads",
    "generations:read": "look at videos, receipts, models and prices",
    "billing:read": "balance, ledger, usage, purchases, invoices, end users",
    "billing:write": "change what concerns money; nothing in the API does so today",
    "budgets:read": "look at budgets",
    "budgets:write": "set and remove budgets, forget end users",
    "keys:read": "look at keys",
    "keys:write": "make, rotate and revoke keys, none wider than itself",
    "webhooks:read": "look at webhook endpoints and deliveries",
    "webhooks:write": "make, change and remove webhook endpoints",
    "events:read": "what happened in the last 30 days",
}
NAME_LENGTH_MAX = 100
ADDRESSES_MAX = 50
CONCURRENT_MAX = 1_000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class WiderThanOwn(Forbidden):
    """A key would give away more than it has."""

    code = "wider_than_own"


class AddressNotAllowed(Forbidden):
    """The key is good, and may not come from there."""

    code = "address_not_allowed"


class InsufficientScope(Forbidden):
    """The key is good, and was not made for this."""

    code = "insufficient_scope"


class InsufficientRole(Forbidden):
    """The key is good, and acts for a member who may not do this."""

    code = "insufficient_role"


@dataclass(frozen=True)
class Terms:
    """An empty tuple, and None, limit nothing. `expires_at` is the key's own end."""

    scopes: tuple[str, ...] = ()
    allowed_models: tuple[str, ...] = ()
    allowed_resolutions: tuple[str, ...] = ()
    allowed_addresses: tuple[str, ...] = ()  # networks as `read_addresses` writes them
    concurrent_max: int | None = None
    expires_at: datetime | None = None

    def as_fields(self) -> dict[str, Any]:
        """As the key's row keeps them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }

    def as_json(self) -> dict[str, Any]:
        """As the audit trail keeps them: only what limits something."""
        fields = {**self.as_fields(), "expires_at": moment(self.expires_at)}
        return {name: value for name, value in fields.items() if value}


def of(key: ApiKey) -> Terms:
    return Terms(
        scopes=tuple(key.scopes),
        allowed_models=tuple(key.allowed_models),
        allowed_resolutions=tuple(key.allowed_resolutions),
        allowed_addresses=tuple(key.allowed_addresses),
        concurrent_max=key.concurrent_max,
        expires_at=key.expires_at,
    )


# -- reading --------------------------------------------------------------------------------------


def read_name(value: object) -> str:
    name = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(name) <= NAME_LENGTH_MAX:
        raise InvalidRequest(
            f"name must be a text of 1 to {NAME_LENGTH_MAX} characters.",
            param="name",
            length_max=NAME_LENGTH_MAX,
        )
    return name


def read_scopes(values: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order of SCOPES. Raises InvalidRequest."""
    given = set(values)
    if unknown := sorted(given - SCOPES.keys()):
        raise InvalidRequest(
            f"There is no scope {unknown[0][:50]!r}.", param="scopes", allowed=list(SCOPES)
        )
    return tuple(scope for scope in SCOPES if scope in given)


def read_addresses(values: Iterable[str]) -> tuple[str, ...]:
    """Addresses and networks in CIDR, as networks, each once. Raises InvalidRequest, naming the bad one."""
    given = dict.fromkeys(str(_network(value)) for value in values)
    if len(given) > ADDRESSES_MAX:
        raise InvalidRequest(
            f"allowed_addresses may have at most {ADDRESSES_MAX} entries.",
            param="allowed_addresses",
            at_most=ADDRESSES_MAX,
        )
    return tuple(given)


def read_expiry(at: datetime | None) -> datetime | None:
    if at is not None and at <= timezone.now():
        raise InvalidRequest("expires_at must be in the future.", param="expires_at")
    return at


def read_concurrent_max(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= CONCURRENT_MAX:
        raise InvalidRequest(
            f"concurrent_max must be a whole number from 1 to {CONCURRENT_MAX}, or null.",
            param="concurrent_max",
            at_least=1,
            at_most=CONCURRENT_MAX,
        )
    return value


def _network(text: str) -> Network:
    shown = text.strip()[:50]
    # Python reads "10" as 0.0.0.10; nobody means that.
    if re.fullmatch(r"[0-9]+", shown) or not shown:
        raise _no_network(shown)
    try:
        return ipaddress.ip_network(shown)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(shown, strict=False)
    except ValueError:
        raise _no_network(shown) from None
    raise InvalidRequest(
        f"{shown} is an address inside of a network: did you mean {meant}?",
        param="allowed_addresses",
    )


def _no_network(shown: str) -> InvalidRequest:
    return InvalidRequest(
        f"{shown!r} is no address or network: write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.",
        param="allowed_addresses",
    )


# -- asking ---------------------------------------------------------------------------------------


def has_scope(key: ApiKey, scope: str) -> bool:
    """A key whose list of scopes is empty may do everything."""
    return not key.scopes or scope in key.scopes


def canonical_address(address: str | None) -> str | None:
    """One text for each address: an IPv4 one inside of IPv6 is what it is. None for what is none."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])  # without its zone
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def may_come_from(key: ApiKey, address: str | None) -> bool:
    if not key.allowed_addresses:
        return True
    canonical = canonical_address(address)
    if canonical is None:
        return False
    parsed = ipaddress.ip_address(canonical)
    return any(parsed in _known_network(network) for network in key.allowed_addresses)


_known_network = lru_cache(maxsize=4096)(ipaddress.ip_network)


def require_same_account(member_id: str | None, by_key: ApiKey) -> None:
    """Raises WiderThanOwn unless both count for the organization alone, or act for the same member.

    Else what one key spends could be spent through another one, on nobody's account or on somebody else's.
    """
    if member_id == by_key.member_id:
        return
    if by_key.is_personal:
        raise WiderThanOwn(
            "A personal key gets at keys of the same member alone.", param="kind", own="personal"
        )
    raise WiderThanOwn(
        "A key of the organization acts for no member, and gets at no personal key.",
        param="kind",
        own="organization",
    )


def require_no_wider(terms: Terms, own: Terms) -> None:
    """Raises WiderThanOwn if `terms` allow anything that `own` do not, naming the field."""
    for field in ("scopes", "allowed_models", "allowed_resolutions"):
        wanted, had = getattr(terms, field), getattr(own, field)
        if had and (not wanted or not set(wanted) <= set(had)):
            raise _wider(field, list(had))
    networks = [_known_network(one) for one in own.allowed_addresses]
    inside = all(
        any(_is_inside(_known_network(one), network) for network in networks)
        for one in terms.allowed_addresses
    )
    if networks and not (terms.allowed_addresses and inside):
        raise _wider("allowed_addresses", list(own.allowed_addresses))
    if own.expires_at and (terms.expires_at is None or terms.expires_at > own.expires_at):
        raise _wider("expires_at", moment(own.expires_at))
    if own.concurrent_max and (terms.concurrent_max or CONCURRENT_MAX + 1) > own.concurrent_max:
        raise _wider("concurrent_max", own.concurrent_max)


def _is_inside(network: Network, wider: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(wider, ipaddress.IPv4Network) and network.subnet_of(wider)
    return isinstance(wider, ipaddress.IPv6Network) and network.subnet_of(wider)


def _wider(field: str, own: object) -> WiderThanOwn:
    return WiderThanOwn(
        f"No key may be given more than its maker has: {field} goes beyond it.",
        param=field,
        own=own,
    )
