"""The life of a webhook endpoint: made, changed, switched off by hand or by us, deleted; and its secrets.

Every change of one locks its row, which comes before its deliveries in the one order of locks.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts import audit, mails, organizations, webhooks
from accounts.models import Delivery, Organization, WebhookEndpoint, WebhookSecret
from seedance_saas import http, ids
from seedance_saas.errors import Conflict, InvalidRequest

logger = logging.getLogger(__name__)

ENDPOINTS_MAX = 10  # of an organization
DESCRIPTION_LENGTH_MAX = 200
OVERLAP_SECONDS_DEFAULT, OVERLAP_SECONDS_MAX = 24 * 3600, 7 * 24 * 3600
RATE_OVER = timedelta(days=7)
TROUBLE_AFTER = timedelta(hours=1)
Reason = WebhookEndpoint.Reason


class TooManyEndpoints(Conflict):
    """An organization has as many endpoints as it may have."""

    code = "too_many_webhook_endpoints"


class EndpointDisabled(Conflict):
    """It is told nothing until it is enabled."""

    code = "webhook_endpoint_disabled"


def of(organization: Organization) -> QuerySet[WebhookEndpoint]:
    """Those that are not deleted."""
    return WebhookEndpoint.objects.filter(organization=organization, deleted_at=None)


def check_url(url: object, *, param: str = "url") -> str:
    """Raises InvalidRequest for what cannot be a public address. Where its name leads is asked at each delivery."""
    if wrong := http.what_is_wrong(url):
        raise InvalidRequest(f"{param} {wrong}", param=param, length_max=http.URL_LENGTH_MAX)
    return str(url)


def check_types(types: object) -> list[str]:
    """Types of events in our order; empty for all. Raises InvalidRequest, naming those that there are."""
    if types is None:
        return []
    if not isinstance(types, list) or any(one not in webhooks.OFFERED for one in types):
        raise InvalidRequest(
            "types must be a list of types of events; an empty one means all.",
            param="types",
            allowed=list(webhooks.OFFERED),
        )
    return [one for one in webhooks.OFFERED if one in types]


def check_description(description: object) -> str:
    if not isinstance(description, str) or len(description) > DESCRIPTION_LENGTH_MAX:
        raise InvalidRequest(
            f"description must be a text of at most {DESCRIPTION_LENGTH_MAX} characters.",
            param="description",
            length_max=DESCRIPTION_LENGTH_MAX,
        )
    return description.strip()


@transaction.atomic
def create(
    organization: Organization,
    *,
    url: object,
    types: object = None,
    description: object = "",
    **who: Any,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is shown this once. `who` is actor or api_key, and address.

    Raises InvalidRequest, TooManyEndpoints, OrganizationClosed or OrganizationSuspended, and then nothing was
    written. Locks the organization's row, so that two at once cannot pass the limit.
    """
    organizations.require_open(organization)
    endpoint = WebhookEndpoint(
        organization=organization,
        url=check_url(url),
        types=check_types(types),
        description=check_description(description),
    )
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    if of(organization).count() >= ENDPOINTS_MAX:
        raise TooManyEndpoints(
            f"An organization has at most {ENDPOINTS_MAX} webhook endpoints. Delete one first.",
            endpoints_max=ENDPOINTS_MAX,
        )
    endpoint.save()
    secret = WebhookSecret.objects.create(organization=organization, endpoint=endpoint).secret
    audit.note(organization, "webhook_endpoint.created", endpoint.id, after=_said(endpoint), **who)
    return endpoint, secret


@transaction.atomic
def change(endpoint: WebhookEndpoint, changes: dict[str, object], **who: Any) -> WebhookEndpoint:
    """Set `url`, `types` or `description`. What waits goes to the new address. Raises InvalidRequest."""
    endpoint = _locked(endpoint)
    before = _said(endpoint)
    checks: dict[str, Any] = {
        "url": check_url,
        "types": check_types,
        "description": check_description,
    }
    for name, value in changes.items():
        setattr(endpoint, name, checks[name](value))
    if _said(endpoint) != before:
        endpoint.save(update_fields=[*changes])
        audit.note(
            endpoint.organization, "webhook_endpoint.changed", endpoint.id,
            before=before, after=_said(endpoint), **who,
        )  # fmt: skip
    return endpoint


@transaction.atomic
def disable(endpoint: WebhookEndpoint, because: str = Reason.BY_HAND, **who: Any) -> None:
    """It is told nothing more; what waits is given up, and can be replayed later. A repeat changes nothing.

    When it is we who do it, those who look after webhooks get a mail.
    """
    endpoint = _locked(endpoint)
    if endpoint.disabled_at:
        return
    now = timezone.now()
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(disabled_at=now, disabled_because=because)
    _give_up(endpoint, now)
    audit.note(
        endpoint.organization, "webhook_endpoint.disabled", endpoint.id,
        after={"because": str(because)}, **who,
    )  # fmt: skip
    if because != Reason.BY_HAND:
        mails.owe("accounts.webhook_mails.endpoint_disabled", endpoint.id)
    logger.info("webhook_endpoint.disabled id=%s because=%s", endpoint.id, because)


@transaction.atomic
def enable(endpoint: WebhookEndpoint, **who: Any) -> None:
    """It is told what happens from now on; what it missed can be replayed. A repeat changes nothing."""
    endpoint = _locked(endpoint)
    if endpoint.disabled_at:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
            disabled_at=None, disabled_because="", failing_since=None
        )
        audit.note(endpoint.organization, "webhook_endpoint.enabled", endpoint.id, **who)


@transaction.atomic
def delete(endpoint: WebhookEndpoint, **who: Any) -> None:
    """It is told nothing more; what waits is given up. Its deliveries stay until their events go."""
    endpoint = _locked(endpoint)
    now = timezone.now()
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(deleted_at=now)
    endpoint.secrets.all().delete()
    _give_up(endpoint, now)
    audit.note(
        endpoint.organization,
        "webhook_endpoint.deleted",
        endpoint.id,
        before=_said(endpoint),
        **who,
    )


@transaction.atomic
def rotate_secret(
    organization: Organization,
    endpoint: WebhookEndpoint | None,
    *,
    overlap_seconds: int = OVERLAP_SECONDS_DEFAULT,
    **who: Any,
) -> tuple[str, datetime]:
    """A new secret, shown this once, and until when deliveries are signed with the old ones too.

    Without an endpoint: the secret of the organization, for the `webhook_url` of its requests.
    """
    if endpoint:
        _locked(endpoint)
    else:
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
    until = timezone.now() + timedelta(seconds=overlap_seconds)
    WebhookSecret.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=until), organization=organization, endpoint=endpoint
    ).update(expires_at=until)
    made = WebhookSecret.objects.create(organization=organization, endpoint=endpoint)
    audit.note(
        organization, "webhook_secret.rotated", endpoint.id if endpoint else organization.id,
        after={"overlap_seconds": overlap_seconds}, **who,
    )  # fmt: skip
    return made.secret, until


def forget_secrets() -> int:
    """Delete those that sign nothing any more; how many."""
    deleted, _ = WebhookSecret.objects.filter(expires_at__lt=timezone.now()).delete()
    return deleted


def check_overlap(seconds: object) -> int:
    """Seconds for which both secrets sign. Raises InvalidRequest."""
    if seconds is None:
        return OVERLAP_SECONDS_DEFAULT
    is_number = isinstance(seconds, int) and not isinstance(seconds, bool)
    if not is_number or not 0 <= int(str(seconds)) <= OVERLAP_SECONDS_MAX:
        raise InvalidRequest(
            f"overlap_seconds must be a whole number from 0 to {OVERLAP_SECONDS_MAX}.",
            param="overlap_seconds",
            at_least=0,
            at_most=OVERLAP_SECONDS_MAX,
        )
    return int(str(seconds))


def success_rates(
    endpoints: Iterable[WebhookEndpoint],
) -> dict[str, tuple[int, int]]:
    """For each endpoint's id: how many deliveries of the last seven days ended, and how many of them arrived.

    One query, of an index that holds all it needs.
    """
    since = ids.first_of("dlv", timezone.now() - RATE_OVER)
    counted = (
        Delivery.objects.filter(endpoint__in=[one.pk for one in endpoints], id__gt=since)
        .values("endpoint")
        .annotate(
            ended=Count("id", filter=Q(state__in=[Delivery.State.SUCCEEDED, Delivery.State.DEAD])),
            arrived=Count("id", filter=Q(state=Delivery.State.SUCCEEDED)),
        )
    )
    return {row["endpoint"]: (row["ended"], row["arrived"]) for row in counted}


def troubled(organization: Organization) -> list[WebhookEndpoint]:
    """Those that wait for a person: we switched them off, or nothing has arrived for an hour."""
    return list(
        of(organization)
        .filter(
            Q(disabled_because__in=[Reason.FAILING, Reason.GONE])
            | Q(disabled_at=None, failing_since__lt=timezone.now() - TROUBLE_AFTER)
        )
        .order_by("id")
    )


def _locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    return WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)


def _give_up(endpoint: WebhookEndpoint, now: datetime) -> None:
    """What is being sent ends by itself: the courier sees that the endpoint is off."""
    endpoint.deliveries.filter(state=Delivery.State.PENDING).update(
        state=Delivery.State.DEAD, finished_at=now
    )


def _said(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "url": endpoint.url,
        "types": endpoint.types or "all",
        "description": endpoint.description,
    }
