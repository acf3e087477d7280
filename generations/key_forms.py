"""The form of a key: the same readers as the API's, each fault beside its field."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from django import forms
from django.core.signing import BadSignature, Signer

from accounts import key_terms, roles
from accounts.key_terms import Terms
from accounts.models import ApiKey, Membership
from billing import budgets, budgets_api
from billing.budget_rows import PERIODS
from generations import catalog, key_requests
from generations.key_requests import OF_ORGANIZATION, PERSONAL
from seedance_saas import ids
from seedance_saas.errors import Refusal

T = TypeVar("T")
ALL, SOME = "all", "some"
SCOPES_DEFAULT = ["generations:write", "generations:read"]
OVERLAPS = (
    (0, "at once"),
    (3_600, "in an hour"),
    (86_400, "in 24 hours"),
    (604_800, "in 7 days"),
)
OVERLAP_DEFAULT = 86_400
_signer = Signer(salt="key-form")


def new_token() -> str:
    """The id that the key of this form will have, if it is sent: sent twice, it makes no second one."""
    return _signer.sign(ids.new("key"))


def id_of(token: str) -> str | None:
    """The id in a token of ours; None for what is none."""
    try:
        return _signer.unsign(token)
    except BadSignature:
        return None


class KeyForm(forms.Form):
    """A new key of the member who fills it in or of the organization, or `key` changed."""

    kind = forms.ChoiceField(
        choices=[(OF_ORGANIZATION, "the organization"), (PERSONAL, "you")], required=False
    )
    name = forms.CharField(label="Name", max_length=key_terms.NAME_LENGTH_MAX)
    access = forms.ChoiceField(choices=[(ALL, "Everything"), (SOME, "Only this")])
    scopes = forms.MultipleChoiceField(choices=list(key_terms.SCOPES.items()), required=False)
    expires_on = forms.DateField(required=False)
    allowed_addresses = forms.CharField(required=False, max_length=5_000)
    allowed_models = forms.MultipleChoiceField(
        choices=[(model.slug, model.title) for model in catalog.MODELS], required=False
    )
    allowed_resolutions = forms.MultipleChoiceField(
        choices=[(name, name) for name in catalog.RESOLUTIONS], required=False
    )
    concurrent_max = forms.IntegerField(
        required=False, min_value=1, max_value=key_terms.CONCURRENT_MAX
    )
    limit_usd = forms.CharField(required=False, max_length=20)
    period = forms.ChoiceField(choices=PERIODS, required=False)

    def __init__(
        self, membership: Membership, data: Any = None, *, key: ApiKey | None = None
    ) -> None:
        super().__init__(data, initial=_initial(key))
        self.key = key
        self.has_choice = key is None and roles.can_set_budgets(membership)
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (scope, words)
            for scope, words in key_terms.SCOPES.items()
            if roles.can_use_scope(membership, scope) or (key and scope in key.scopes)
        ]

    @property
    def is_personal(self) -> bool:
        """Whether the new key is to be one: of the organization is only what may be, and then unless it is said."""
        return not self.has_choice or self.cleaned_data["kind"] == PERSONAL

    def clean_name(self) -> str:
        return _read("name", "The name", key_terms.read_name, self.cleaned_data["name"])

    def clean_scopes(self) -> Sequence[str]:
        if self.cleaned_data.get("access") != SOME:
            return []
        chosen: list[str] = self.cleaned_data["scopes"]
        if not chosen:
            raise forms.ValidationError("Choose at least one, or let it do everything.")
        return chosen

    def clean_expires_on(self) -> datetime | None:
        on: date | None = self.cleaned_data["expires_on"]
        if on is None:
            return None
        at = datetime.combine(on, time(), UTC)
        if self.key and self.key.expires_at and self.key.expires_at.date() == on:
            return self.key.expires_at  # as it was, to the second
        return _read("expires_at", "The day", key_terms.read_expiry, at)

    def clean_allowed_addresses(self) -> tuple[str, ...]:
        lines = self.cleaned_data["allowed_addresses"].replace(",", "\n").split()
        return _read("allowed_addresses", "This", key_terms.read_addresses, lines)

    def clean_limit_usd(self) -> int | None:
        typed = self.cleaned_data["limit_usd"].strip().removeprefix("$").replace(",", "")
        if not typed:
            return None
        return _read("limit_usd", "The budget", budgets_api.read_limit, typed)

    def terms(self) -> Terms:
        asked = self.cleaned_data
        return Terms(
            scopes=key_terms.read_scopes(asked["scopes"]),
            allowed_models=key_requests.read_models(asked["allowed_models"]),
            allowed_resolutions=key_requests.read_resolutions(asked["allowed_resolutions"]),
            allowed_addresses=asked["allowed_addresses"],
            concurrent_max=asked["concurrent_max"],
            expires_at=asked["expires_on"],
        )

    @property
    def has_limits(self) -> bool:
        """Whether the part of the form that few need has something in it, or something to mend."""
        names = (
            "allowed_addresses",
            "allowed_models",
            "allowed_resolutions",
            "concurrent_max",
            "expires_on",
            "limit_usd",
        )
        return any(self[name].value() or self[name].errors for name in names)


def _initial(key: ApiKey | None) -> dict[str, Any]:
    if key is None:
        return {
            "kind": OF_ORGANIZATION,
            "access": SOME,
            "scopes": SCOPES_DEFAULT,
            "period": budgets.PERIOD_DEFAULT,
        }
    return {
        "name": key.name,
        "access": SOME if key.scopes else ALL,
        "scopes": key.scopes or SCOPES_DEFAULT,
        "expires_on": key.expires_at.date().isoformat() if key.expires_at else "",
        "allowed_addresses": "\n".join(key.allowed_addresses),
        "allowed_models": key.allowed_models,
        "allowed_resolutions": key.allowed_resolutions,
        "concurrent_max": key.concurrent_max,
    }


def _read(param: str, words: str, reader: Callable[[Any], T], value: object) -> T:
    """What the API's reader makes of it; its refusal stands beside the field, in words for people."""
    try:
        return reader(value)
    except Refusal as refusal:
        raise forms.ValidationError(refusal.message.replace(param, words, 1)) from None
