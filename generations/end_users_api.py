"""How an end user is forgotten, in all rooms at once."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from accounts import api_keys
from billing import budgets_api
from generations import forgetting
from seedance_saas.errors import NotFound
from seedance_saas.requests import client_address


class EndUserDetail(budgets_api.EndUserDetail):
    """GET and DELETE /end-users/{id}."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read", "DELETE": "budgets:write"}

    def delete(self, request: Request, id: str) -> Response:
        """The money stays, the name goes. A repeat answers the same."""
        key = api_keys.of(request)
        pseudonym = forgetting.forget_end_user(
            key.organization, id, api_key=key, address=client_address(request)
        )
        if pseudonym is None:
            raise NotFound("There is no such end user.")
        return Response({"object": "end_user", "id": pseudonym, "deleted": True})
