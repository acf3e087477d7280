"""Which models and resolutions the organization and each role may use, in the native API: parse, call, render."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys
from accounts.models import Organization, Role, RoleTerms
from generations import allowances, key_requests
from seedance_saas.api import body_of, require_known
from seedance_saas.errors import NotFound
from seedance_saas.requests import client_address

ORGANIZATION = "organization"
OF_ROLE = ("allowed_models", "allowed_resolutions", "concurrent_max")


class TermsList(APIView):
    """GET /terms: the organization's, and those of each role that makes videos."""

    scopes: ClassVar[dict[str, str]] = {"GET": "budgets:read"}

    def get(self, request: Request) -> Response:
        found = _all(api_keys.of(request).organization)
        return Response({"data": list(found.values()), "next_cursor": None})


class TermsDetail(APIView):
    """GET and PUT /terms/{of}: `organization`, or a role. Each answers what may be used then."""

    scopes: ClassVar[dict[str, str]] = {"GET": "budgets:read", "PUT": "budgets:write"}

    def get(self, request: Request, of: str) -> Response:
        return Response(_one(api_keys.of(request).organization, of))

    def put(self, request: Request, of: str) -> Response:
        """As a whole: a field that is not sent limits nothing any more."""
        key, body = api_keys.of(request), body_of(request)
        organization = key.organization
        fields = [field for field in OF_ROLE if field in _one(organization, of)]
        require_known(body, fields)
        wanted = key_requests.read_terms(body, fields)
        who: dict[str, Any] = {"api_key": key, "address": client_address(request)}
        if of == ORGANIZATION:
            allowances.set_for_organization(organization, models=wanted["allowed_models"], **who)
            organization.refresh_from_db(fields=["allowed_models"])
        else:
            allowances.set_for_role(
                organization,
                Role(of),
                models=wanted["allowed_models"],
                resolutions=wanted["allowed_resolutions"],
                concurrent_max=wanted["concurrent_max"],
                **who,
            )
        return Response(_one(organization, of))


def _one(organization: Organization, of: str) -> dict[str, Any]:
    """Raises NotFound for what is neither the organization nor a role that makes videos."""
    found = _all(organization).get(of)
    if found is None:
        raise NotFound("There is nothing at this address.")
    return found


def _all(organization: Organization) -> dict[str, dict[str, Any]]:
    """By whose they are, as JSON. One query."""
    known = {row.role: row for row in RoleTerms.objects.filter(organization=organization)}
    rows: dict[str, dict[str, Any]] = {
        ORGANIZATION: {"allowed_models": organization.allowed_models}
    }
    for role in allowances.ROLES:
        row = known.get(role, RoleTerms())
        rows[role.value] = {field: getattr(row, field) for field in OF_ROLE}
    return {of: {"object": "terms", "of": of, **terms} for of, terms in rows.items()}
