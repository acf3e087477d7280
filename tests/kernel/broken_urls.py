"""The product's addresses, and some that fail as no product code should."""

from typing import NoReturn

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.views import APIView

from seedance_saas import errors
from seedance_saas.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Broken(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> NoReturn:
        raise RuntimeError("the password is swordfish")

    def post(self, request: Request) -> NoReturn:
        raise errors.RateLimited("Too fast.", retry_after_seconds=7)

    def delete(self, request: Request) -> NoReturn:
        raise PermissionDenied("the password is swordfish")


def broken_page(request: HttpRequest) -> NoReturn:
    raise RuntimeError("the password is swordfish")


urlpatterns = [
    path("api/v1/broken", Broken.as_view()),
    path("broken", broken_page),
    path("", include("seedance_saas.urls")),
]
