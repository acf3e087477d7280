"""Which models and resolutions may be used, and who said so: the organization, a role, or a key.

Each of them may only take away: what all of them leave is allowed. An empty list takes nothing away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts import audit, key_terms, roles
from accounts.models import ApiKey, Membership, Organization, Role, RoleTerms, User
from generations import catalog, offers
from generations.catalog import Model
from generations.errors import ModelNotAllowed, ResolutionNotAllowed
from generations.requests import GenerationRequest
from seedance_saas.errors import Refusal

# Those that make videos: what the others may use is nothing.
ROLES = tuple(role for role in Role if role in roles.SPENDERS)


@dataclass(frozen=True)
class Terms:
    """What one of those who may limit allows."""

    set_by: str  # "organization", "role" or "api_key"
    words: str  # the beginning of a sentence
    models: tuple[str, ...]
    resolutions: tuple[str, ...]


@dataclass(frozen=True)
class Allowance:
    """What one member or key may use now."""

    terms: tuple[Terms, ...]

    def refusal(self, model: Model, resolution: str | None = None) -> Refusal | None:
        """Why the model, or the model in this resolution, is not allowed; None if it is. The widest says so."""
        for terms in self.terms:
            if terms.models and model.slug not in terms.models:
                return ModelNotAllowed(
                    f"{terms.words} does not allow {model.slug}, only {_list(terms.models)}.",
                    param="model",
                    set_by=terms.set_by,
                    allowed=list(terms.models),
                )
            if resolution and terms.resolutions and resolution not in terms.resolutions:
                return ResolutionNotAllowed(
                    f"{terms.words} does not allow {resolution}, only {_list(terms.resolutions)}.",
                    param="resolution",
                    set_by=terms.set_by,
                    allowed=list(terms.resolutions),
                )
        return None

    def require(self, request: GenerationRequest) -> None:
        """Raises ModelNotAllowed or ResolutionNotAllowed."""
        if refusal := self.refusal(request.model, request.resolution):
            raise refusal

    def resolutions(self, model: Model) -> tuple[str, ...]:
        """What of the model is on sale and allowed. Nothing if the model is not."""
        return tuple(name for name in offers.of(model).resolutions if not self.refusal(model, name))

    def resolution_default(self, model: Model) -> str:
        """What is chosen for whoever has not chosen: the usual one if it is allowed."""
        usual, allowed = offers.of(model).resolution_default, self.resolutions(model)
        return usual if usual in allowed or not allowed else allowed[-1]

    def model_default(self, usual: Model) -> Model:
        """The same of a model."""
        allowed = (model for model in (usual, *catalog.MODELS) if self.resolutions(model))
        return next(allowed, usual)


def of(
    organization: Organization,
    *,
    api_key: ApiKey | None = None,
    member: Membership | None = None,
) -> Allowance:
    """What a request by this key, this member, or a member's personal key may use. One read for a member whose
    `terms` were not read along, as with a key."""
    found = [Terms("organization", organization.name, tuple(organization.allowed_models), ())]
    if member:
        words = f"What {organization.name} set for the role {member.role}"
        found.append(_terms("role", words, member.terms))
    if api_key:
        found.append(_terms("api_key", f"The key {api_key.name}", api_key))
    return Allowance(tuple(found))


def _terms(set_by: str, words: str, row: RoleTerms | ApiKey) -> Terms:
    return Terms(set_by, words, tuple(row.allowed_models), tuple(row.allowed_resolutions))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


def resolutions_on_sale() -> list[str]:
    """Of any model, the smallest first."""
    offered = {name for model in catalog.MODELS for name in offers.of(model).resolutions}
    return [name for name in catalog.RESOLUTIONS if name in offered]


# -- set ------------------------------------------------------------------------------------------


@transaction.atomic
def set_for_organization(
    organization: Organization,
    *,
    models: Sequence[str],
    actor: User | None = None,
    api_key: ApiKey | None = None,
    address: str | None = None,
) -> None:
    """Slugs that may be used from the next request on; none: all. One audit row, if it changes anything."""
    row = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    before = row.allowed_models
    row.allowed_models = _in_order(models)
    if row.allowed_models == before:
        return
    row.save(update_fields=["allowed_models"])
    audit.note(
        organization, "organization.models_allowed", organization.id,
        actor=actor, api_key=api_key, address=address,
        before={"models": before}, after={"models": row.allowed_models},
    )  # fmt: skip


@transaction.atomic
def set_for_role(
    organization: Organization,
    role: Role,
    *,
    models: Sequence[str],
    resolutions: Sequence[str],
    concurrent_max: int | None,
    actor: User | None = None,
    api_key: ApiKey | None = None,
    address: str | None = None,
) -> None:
    """What those with the role may use, and how much at a time, from the next request on; empty or None: all.

    What runs is untouched. One audit row, if it changes anything.
    """
    assert concurrent_max is None or 1 <= concurrent_max <= key_terms.CONCURRENT_MAX
    RoleTerms.objects.get_or_create(organization=organization, role=role)
    row = RoleTerms.objects.select_for_update().get(organization=organization, role=role)
    before = _said(row)
    row.allowed_models = _in_order(models)
    row.allowed_resolutions = [name for name in catalog.RESOLUTIONS if name in resolutions]
    row.concurrent_max = concurrent_max
    if _said(row) == before:
        return
    row.save()
    audit.note(
        organization, "role.terms_set", f"role:{role}",
        actor=actor, api_key=api_key, address=address,
        before=before, after=_said(row),
    )  # fmt: skip


def _in_order(slugs: Sequence[str]) -> list[str]:
    """As the catalog lists them. All of them is the same as none: what is sold later is allowed, too."""
    chosen = [model.slug for model in catalog.MODELS if model.slug in slugs]
    return [] if len(chosen) == len(catalog.MODELS) else chosen


def _said(row: RoleTerms) -> dict[str, Any]:
    return {
        "models": row.allowed_models,
        "resolutions": row.allowed_resolutions,
        "concurrent_max": row.concurrent_max,
    }
