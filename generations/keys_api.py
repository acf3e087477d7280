"""API keys in the native API: parse, call, render. A secret is in the answer that made it, and nowhere else."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys, idempotency, key_changes
from accounts.models import ApiKey, Organization
from billing import budgets, key_budgets, presentation
from billing.budgets import Found
from billing.models import Budget
from generations import key_requests
from seedance_saas.api import body_of, moment, require_known, rows_of_page
from seedance_saas.requests import client_address


def of_caller(request: Request) -> QuerySet[ApiKey]:
    """Every query of this file starts here: the keys of the organization whose key asks."""
    organization = api_keys.of(request).organization
    return ApiKey.objects.filter(organization=organization).select_related(
        "organization", "created_by", "member__user"
    )


class KeyList(APIView):
    """GET and POST /api-keys."""

    scopes: ClassVar[dict[str, str]] = {"GET": "keys:read", "POST": "keys:write"}

    def get(self, request: Request) -> Response:
        keys, next_cursor = rows_of_page(request, of_caller(request))
        rows = as_dicts(api_keys.of(request).organization, keys)
        return Response({"data": rows, "next_cursor": next_cursor})

    def post(self, request: Request) -> Response:
        by_key = api_keys.of(request)
        wanted = key_requests.read(body_of(request), by_key)

        def issue() -> tuple[ApiKey, str]:
            return key_budgets.issue(
                by_key.organization,
                wanted.name,
                wanted.terms,
                limit_microusd=wanted.limit_microusd,
                period=wanted.period,
                member=by_key.member,
                by_key=by_key,
                address=client_address(request),
            )

        return _answer_with_secret(request, issue)


class KeyDetail(APIView):
    """GET, PATCH and DELETE /api-keys/{id}. PATCH changes only what is sent, the budget stands at its own address.
    DELETE revokes, at once and for good; a repeat answers the same."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "keys:read",
        "PATCH": "keys:write",
        "DELETE": "keys:write",
    }

    def get(self, request: Request, id: str) -> Response:
        return Response(as_dict(get_object_or_404(of_caller(request), pk=id)))

    def patch(self, request: Request, id: str) -> Response:
        by_key = api_keys.of(request)
        key = get_object_or_404(of_caller(request), pk=id)
        name, terms = key_requests.read_change(body_of(request))
        if by_key != key:
            key_budgets.require_no_budget(by_key)
        key_changes.change(
            key, name=name, terms=terms, by_key=by_key, address=client_address(request)
        )
        return Response(as_dict(of_caller(request).get(pk=key.pk)))

    def delete(self, request: Request, id: str) -> Response:
        key = get_object_or_404(of_caller(request), pk=id)
        api_keys.revoke(key, by_key=api_keys.of(request), address=client_address(request))
        return Response(status=204)


class KeyRotate(APIView):
    """POST /api-keys/{id}/rotate: another secret; the one before works for `overlap_seconds` more."""

    scopes: ClassVar[dict[str, str]] = {"POST": "keys:write"}

    def post(self, request: Request, id: str) -> Response:
        by_key = api_keys.of(request)
        key = get_object_or_404(of_caller(request), pk=id)
        overlap_seconds = key_requests.read_overlap_seconds(body_of(request))
        if by_key != key:
            key_budgets.require_no_budget(by_key)

        def rotate() -> tuple[ApiKey, str]:
            return api_keys.rotate(
                key,
                overlap_seconds=overlap_seconds,
                by_key=by_key,
                address=client_address(request),
            )

        return _answer_with_secret(request, rotate)


class KeyEndOverlap(APIView):
    """POST /api-keys/{id}/end-overlap: the secret before a rotation works no more. A repeat changes nothing."""

    scopes: ClassVar[dict[str, str]] = {"POST": "keys:write"}

    def post(self, request: Request, id: str) -> Response:
        require_known(body_of(request), ())
        by_key = api_keys.of(request)
        key = get_object_or_404(of_caller(request), pk=id)

        def end() -> dict[str, Any]:
            api_keys.end_overlap(key, by_key=by_key, address=client_address(request))
            return as_dict(key)

        return idempotency.once(request, by_key.organization, end)


def _answer_with_secret(request: Request, make: Callable[[], tuple[ApiKey, str]]) -> Response:
    def work() -> dict[str, Any]:
        key, secret = make()
        return as_dict(key) | {"secret": secret}

    organization = api_keys.of(request).organization
    return idempotency.once(request, organization, work, status=201, made_in="/api/v1/api-keys")


def as_dict(key: ApiKey) -> dict[str, Any]:
    return as_dicts(key.organization, [key])[0]


def as_dicts(organization: Organization, keys: Sequence[ApiKey]) -> list[dict[str, Any]]:
    """These keys with how their budgets stand, in two queries however many they are."""
    subjects = [(Budget.Scope.API_KEY, key.pk) for key in keys]
    found = budgets.read(organization, subjects, now=timezone.now())
    return [_as_dict(key, found[Budget.Scope.API_KEY, key.pk]) for key in keys]


def _as_dict(key: ApiKey, found: Found) -> dict[str, Any]:
    by, member = key.created_by, key.member
    return {
        "id": key.id,
        "object": "api_key",
        "name": key.name,
        "prefix": key.prefix,
        "kind": "personal" if member else "organization",
        "member": {"id": member.id, "name": str(member.user)} if member else None,
        "scopes": key.scopes,
        "allowed_models": key.allowed_models,
        "allowed_resolutions": key.allowed_resolutions,
        "allowed_addresses": key.allowed_addresses,
        "concurrent_max": key.concurrent_max,
        "budget": (
            presentation.budget(found.standing, is_inherited=found.is_inherited)
            if found.budget
            else None
        ),
        "created_by": {"id": by.id, "name": str(by)} if by else None,
        "created_at": moment(key.created_at),
        "last_used_at": moment(key.last_used_at),
        "last_used_address": key.last_used_address,
        "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
        "previous": (
            {"prefix": key.previous_prefix, "expires_at": moment(key.previous_expires_at)}
            if api_keys.is_rotating(key)
            else None
        ),
    }
