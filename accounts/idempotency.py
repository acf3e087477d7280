"""`Idempotency-Key`: the same key and body give the first answer again. Refusals are not remembered."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import IdempotencyRecord, Organization
from seedance_saas.errors import Conflict, InvalidRequest, Refusal

KEPT = timedelta(hours=24)
KEY_LENGTH_MAX = 255


class IdempotencyConflict(Conflict):
    """The key was used for another request."""

    code = "idempotency_conflict"


@dataclass(frozen=True)
class Claim:
    """A caller's key for this request. Its record is inserted by the work, in the work's transaction:
    the UNIQUE constraint is the referee, and a second request waits in its INSERT for the first."""

    organization: Organization
    key: str
    fingerprint: str
    location: str = ""  # the list that what is made stands in

    def record(self, status: int, body: Any) -> IdempotencyRecord:
        return IdempotencyRecord(
            organization=self.organization,
            key=self.key,
            fingerprint=self.fingerprint,
            status=status,
            body=body,
        )

    def replay(self) -> Response | None:
        """The first answer, if there is one. Raises IdempotencyConflict if it answered another body."""
        first = IdempotencyRecord.objects.filter(
            organization=self.organization, key=self.key
        ).first()
        if first is None:
            return None
        if first.fingerprint != self.fingerprint:
            raise IdempotencyConflict(
                "This Idempotency-Key was used for another request in the last 24 hours.",
                param="Idempotency-Key",
            )
        headers = {"Idempotent-Replayed": "true"}
        return Response(
            first.body, first.status, headers=headers | location(self.location, first.body)
        )


def location(of_list: str, body: Any) -> dict[str, str]:
    """The header that says where the one thing that was made is; none for several."""
    return {"Location": f"{of_list}/{body['id']}"} if of_list and "id" in body else {}


def claim(
    request: Request, organization: Organization, *, content: str = "", location: str = ""
) -> Claim | None:
    """What the request's Idempotency-Key header claims, or None without one.

    `content` tells the body where that is no JSON: the digest of a file. `location` is the list that what is
    made stands in.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise InvalidRequest(
            f"Idempotency-Key must have 1 to {KEY_LENGTH_MAX} characters.",
            param="Idempotency-Key",
            length_max=KEY_LENGTH_MAX,
        )
    body = content or request.data
    asked = json.dumps([request.method, request.path.rstrip("/"), body], sort_keys=True)
    return Claim(organization, key, hashlib.sha256(asked.encode()).hexdigest(), location)


def answer_once(claim: Claim | None, work: Callable[[], Response]) -> Response:
    """Do the work, or give its first answer again if it was done under this key before.

    Asked only when the work is refused, by the UNIQUE key or by anything else that has changed since:
    the first time costs no extra read.
    """
    try:
        return work()
    except (IntegrityError, Refusal):
        if claim and (first := claim.replay()):
            return first
        raise


def once(
    request: Request,
    organization: Organization,
    work: Callable[[], dict[str, Any]],
    *,
    status: int = 200,
    made_in: str = "",
) -> Response:
    """Do the work, and remember its answer in the same transaction. What is remembered of a secret is null.

    `made_in` is the list that what is made stands in.
    """
    claim_ = claim(request, organization, location=made_in)

    def do() -> Response:
        with transaction.atomic():
            body = work()
            if claim_:
                kept = body | {"secret": None} if "secret" in body else body
                claim_.record(status, kept).save(force_insert=True)
        headers = {"Cache-Control": "no-store"} if "secret" in body else {}
        return Response(body, status=status, headers=headers | location(made_in, body))

    return answer_once(claim_, do)


def once_then_remember(
    request: Request,
    organization: Organization,
    work: Callable[[], dict[str, Any]],
    *,
    status: int = 200,
) -> Response:
    """As `once`, of work that needs the network and does no harm when it is done twice.

    Whoever dies between the work and its record has it done again by the repeat.
    """
    claim_ = claim(request, organization)
    if claim_ is None:
        return Response(work(), status=status)
    first = claim_.replay()
    if first:
        return first
    body = work()

    def remember() -> Response:
        with transaction.atomic():
            claim_.record(status, body).save(force_insert=True)
        return Response(body, status=status)

    return answer_once(claim_, remember)


def unsay(organization: Organization, id: str, data: dict[str, Any]) -> None:
    """An answer that is remembered says `data` of the object `id`, where it said something of it."""
    records = IdempotencyRecord.objects.select_for_update().filter(organization=organization)
    for record in records.filter(Q(body__id=id) | Q(body__data__contains=[{"id": id}])):
        for said in record.body.get("data", [record.body]):
            if said.get("id") == id:
                said |= {name: data[name] for name in data if said.get(name) is not None}
        record.save(update_fields=["body"])


def forget() -> int:
    """Delete the records that no caller may rely on any more; how many."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted
