"""What people type about a webhook endpoint. The limits are those of the API: its checks are asked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts import webhook_endpoints, webhooks
from accounts.models import WebhookEndpoint
from seedance_saas.errors import Refusal

OVERLAPS = (
    (0, "at once: the old secret has leaked"),
    (3600, "in an hour"),
    (24 * 3600, "in a day"),
    (7 * 24 * 3600, "in a week"),
)


class EndpointForm(forms.Form):
    """No type picked means all of them."""

    url = forms.CharField(label="Address", max_length=2048)
    description = forms.CharField(
        label="Description",
        max_length=webhook_endpoints.DESCRIPTION_LENGTH_MAX,
        required=False,
    )
    types = forms.MultipleChoiceField(
        label="Events", choices=[(type, type) for type in webhooks.OFFERED], required=False
    )

    @classmethod
    def of(cls, endpoint: WebhookEndpoint | None, data: Any = None) -> "EndpointForm":
        if endpoint is None:
            return cls(data)
        initial = {
            "url": endpoint.url,
            "description": endpoint.description,
            "types": endpoint.types,
        }
        return cls(data, initial=initial)

    def clean_url(self) -> str:
        return str(_checked(webhook_endpoints.check_url, self.cleaned_data["url"].strip(), "url"))

    @property
    def kinds(self) -> list[tuple[str, list[tuple[str, str, bool]]]]:
        """The types by their kind: value, word, whether it is picked."""
        picked = self["types"].value() or []
        found: dict[str, list[tuple[str, str, bool]]] = {}
        for type in webhooks.OFFERED:
            kind, _, word = type.partition(".")
            name = kind.replace("_", " ").capitalize()
            found.setdefault(name, []).append((type, word, type in picked))
        return list(found.items())


class RotateForm(forms.Form):
    overlap_seconds = forms.TypedChoiceField(
        label="The old secret ends",
        choices=OVERLAPS,
        coerce=int,
        initial=webhook_endpoints.OVERLAP_SECONDS_DEFAULT,
    )


class ReplayForm(forms.Form):
    """Since when, in UTC, as a browser's field for day and time writes it."""

    since = forms.CharField(label="Since (UTC)", max_length=40)
    include_succeeded = forms.BooleanField(label="Also what arrived already", required=False)

    def clean_since(self) -> datetime:
        try:
            at = datetime.fromisoformat(self.cleaned_data["since"].strip())
        except ValueError:
            raise forms.ValidationError("Give a day and a time, like 2026-06-17T14:32.") from None
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        if at < timezone.now() - webhooks.KEPT - timedelta(days=1):
            raise forms.ValidationError(f"Events are kept for {webhooks.KEPT.days} days.")
        return at


def _checked(check: Callable[..., object], value: object, name: str) -> object:
    try:
        return check(value)
    except Refusal as refusal:
        said = refusal.message.removeprefix(f"{name} ")
        raise forms.ValidationError(f"The address {said}") from None
