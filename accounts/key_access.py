"""Who asks when an API key asks, and whether it was made for what it asks."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import api_keys, key_terms, rates, roles
from accounts.key_terms import AddressNotAllowed, InsufficientRole, InsufficientScope
from accounts.models import ApiKey
from seedance_saas.errors import Unauthenticated
from seedance_saas.requests import client_address


class Program:
    """REST framework calls it the user."""

    is_authenticated = True

    def __init__(self, key: ApiKey) -> None:
        self.key = key


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer sd_…`. Sets `request.auth` to the ApiKey."""

    def authenticate(self, request: Request) -> tuple[Program, ApiKey]:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated("Send your API key as: Authorization: Bearer sd_live_…")
        address = client_address(request)
        key = api_keys.find(secret.strip(), address=address)
        if key is None:
            raise Unauthenticated("This API key is not known, has expired or was revoked.")
        rate = rates.of(key)
        request._request.rate = rate  # type: ignore[attr-defined]  # told by the middleware
        rates.require_room(rate)
        if not key_terms.may_come_from(key, address):
            seen = key_terms.canonical_address(address)
            raise AddressNotAllowed(
                f"This API key may not be used from {seen or 'an unknown address'}.", address=seen
            )
        return Program(key), key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """The view's `scopes` name the scope that each of its methods needs. One that names none is closed.

    A personal key needs a member who may do it, too: their role as it is now.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True  # told what there is, or refused as a method that there is not
        needed = getattr(view, "scopes", {}).get(method)
        if needed is None:
            return False
        key = api_keys.of(request)
        if not key_terms.has_scope(key, needed):
            raise InsufficientScope(f"This needs a key with the scope {needed}.", needed=needed)
        if key.member and not roles.can_use_scope(key.member, needed):
            raise InsufficientRole(
                f"This key acts for a member whose role, {key.member.role}, does not allow {needed}.",
                needed=needed,
                role=key.member.role,
            )
        return True
