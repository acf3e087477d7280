"""Budgets and end users in the native API: parse, call, render."""

import base64
import binascii
from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys
from accounts.models import ApiKey, Membership, Organization
from billing import budgets, end_users, presentation
from billing.models import Budget
from seedance_saas.api import body_of, microusd, page_limit, require_known, rows_of_page, usd
from seedance_saas.errors import InvalidRequest, NotFound
from seedance_saas.requests import client_address

FIELDS = ("limit_usd", "period")
LIMIT_MAX_MICROUSD = 1_000_000_000_000_000
SUBJECT_LENGTH_MAX = 255


class BudgetList(APIView):
    """GET /budgets?scope=: every budget that was set, newest first."""

    scopes: ClassVar[dict[str, str]] = {"GET": "budgets:read"}

    def get(self, request: Request) -> Response:
        organization = api_keys.of(request).organization
        rows = Budget.objects.filter(organization=organization)
        if "scope" in request.query_params:
            rows = rows.filter(scope=read_scope(request.query_params["scope"]))
        found, next_cursor = rows_of_page(request, rows, filters=("scope",))
        subjects = [(row.scope, row.subject_id) for row in found]
        return Response({"data": as_dicts(organization, subjects), "next_cursor": next_cursor})


class BudgetDetail(APIView):
    """GET, PUT and DELETE /budgets/{scope}/{id}. Each answers how the subject stands then."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "budgets:read",
        "PUT": "budgets:write",
        "DELETE": "budgets:write",
    }

    def get(self, request: Request, scope: str, id: str) -> Response:
        organization = api_keys.of(request).organization
        require_subject(organization, scope, id)
        return Response(as_dict(organization, scope, id))

    def put(self, request: Request, scope: str, id: str) -> Response:
        key = api_keys.of(request)
        require_subject(key.organization, scope, id)
        limit_microusd, period = _read(body_of(request))
        known = Budget.objects.filter(
            organization=key.organization, scope=scope, subject_id=id
        ).first()
        budgets.set_limit(
            key.organization,
            scope,
            id,
            limit_microusd=limit_microusd,
            period=period or (known.period if known else budgets.PERIOD_DEFAULT),
            api_key=key,
            address=client_address(request),
        )
        return Response(as_dict(key.organization, scope, id))

    def delete(self, request: Request, scope: str, id: str) -> Response:
        """Nothing limits the subject any more but the wider budgets. A repeat changes nothing."""
        key = api_keys.of(request)
        require_subject(key.organization, scope, id)
        for budget in Budget.objects.filter(
            organization=key.organization, scope=scope, subject_id=id
        ):
            budgets.remove(budget, api_key=key, address=client_address(request))
        return Response(as_dict(key.organization, scope, id))


class EndUserList(APIView):
    """GET /end-users: in the order of their ids, for nothing else of them stands still."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> Response:
        organization = api_keys.of(request).organization
        limit = page_limit(request)
        found = end_users.ids(organization, after=_after(request), limit=limit + 1)
        more, found = len(found) > limit, found[:limit]
        rows = end_users.read(organization, found)
        return Response(
            {
                "data": [presentation.end_user(row) for row in rows],
                "next_cursor": (
                    base64.urlsafe_b64encode(found[-1].encode()).decode() if more else None
                ),
            }
        )


class EndUserDetail(APIView):
    """GET /end-users/{id}. What is forgotten of an end user is more than money: DELETE stands to the right."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request, id: str) -> Response:
        organization = api_keys.of(request).organization
        if not end_users.exists(organization, id):
            raise NotFound("There is no such end user.")
        (end_user,) = end_users.read(organization, [id])
        return Response(presentation.end_user(end_user))


def read_scope(scope: str) -> str:
    if scope not in Budget.Scope.values:
        raise InvalidRequest(
            f"scope must be one of: {', '.join(Budget.Scope.values)}.",
            param="scope",
            allowed=Budget.Scope.values,
        )
    return scope


def require_subject(organization: Organization, scope: str, id: str) -> None:
    """Raises Http404 for a member or key that the organization does not have, and NotFound for the rest.

    An end user need not have been seen: a budget may be waiting for them. `*` is each of a scope.
    """
    if id == Budget.EACH and scope in {Budget.Scope.MEMBER, Budget.Scope.API_KEY}:
        return
    if scope == Budget.Scope.MEMBER:
        get_object_or_404(Membership.objects.filter(organization=organization), pk=id)
    elif scope == Budget.Scope.API_KEY:
        get_object_or_404(ApiKey.objects.filter(organization=organization), pk=id)
    elif scope == Budget.Scope.END_USER:
        if len(id) > SUBJECT_LENGTH_MAX:
            raise InvalidRequest(
                f"An end user id has at most {SUBJECT_LENGTH_MAX} characters.",
                param="id",
                length_max=SUBJECT_LENGTH_MAX,
            )
    elif scope != Budget.Scope.ORGANIZATION or id != organization.pk:
        raise NotFound("There is nothing at this address.")


def as_dict(organization: Organization, scope: str, id: str) -> dict[str, Any]:
    """How the subject stands under its budget, or without a limit when there is none."""
    return as_dicts(organization, [(scope, id)])[0]


def as_dicts(organization: Organization, subjects: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """The same of many, in two queries however many they are."""
    found = budgets.read(organization, subjects, now=timezone.now())
    return [
        presentation.budget(found[one].standing, is_inherited=found[one].is_inherited)
        for one in subjects
    ]


def read_limit(value: Any, *, param: str = "limit_usd") -> int | None:
    """Micro-dollars of a `limit_usd`; None lifts. Raises InvalidRequest, naming the limit of limits."""
    if value is None:
        return None
    limit = microusd(value, param=param)
    if limit > LIMIT_MAX_MICROUSD:
        raise InvalidRequest(
            f"{param} is at most {usd(LIMIT_MAX_MICROUSD)}; null lifts the limit.",
            param=param,
            at_most=usd(LIMIT_MAX_MICROUSD),
        )
    return limit


def _read(body: dict[str, Any]) -> tuple[int | None, str | None]:
    require_known(body, FIELDS)
    if "limit_usd" not in body:
        raise InvalidRequest('limit_usd is missing: dollars, "0" or null.', param="limit_usd")
    period = body.get("period")
    if period is not None and period not in Budget.Period.values:
        raise InvalidRequest(
            f"period must be one of: {', '.join(Budget.Period.values)}.",
            param="period",
            allowed=Budget.Period.values,
        )
    return read_limit(body["limit_usd"]), period


def _after(request: Request) -> str:
    raw = request.query_params.get("cursor", "")
    try:
        cursor = base64.b64decode(raw.encode(), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        cursor = "\x00"
    if "\x00" in cursor:
        raise InvalidRequest("cursor must be a next_cursor of this list.", param="cursor")
    return cursor
