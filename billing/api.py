"""The money of the native API: parse, call, render. Reads only; a read never answers 402."""

from typing import ClassVar

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys
from billing import presentation, statement_views
from billing.models import Statement, Transfer
from seedance_saas.api import page
from seedance_saas.errors import InvalidRequest, NotFound


class BalanceDetail(APIView):
    """GET /balance."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> Response:
        return Response(presentation.balance(api_keys.of(request).organization))


class TransferList(APIView):
    """GET /transfers?reference=&kind=."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> Response:
        rows = Transfer.objects.filter(organization=api_keys.of(request).organization)
        asked = request.query_params
        if "reference" in asked:
            rows = rows.filter(reference=asked["reference"])
        if "kind" in asked:
            kind = asked["kind"]
            if kind not in Transfer.Kind.values:
                raise InvalidRequest(
                    f"kind must be one of: {', '.join(Transfer.Kind.values)}.",
                    param="kind",
                    allowed=Transfer.Kind.values,
                )
            rows = rows.filter(kind=kind)
        return Response(
            page(
                request,
                rows,
                presentation.transfer,
                key="number",
                read_key=int,
                filters=("reference", "kind"),
            )
        )


class StatementList(APIView):
    """GET /statements: the closed days, newest first."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> Response:
        rows = Statement.objects.filter(organization=api_keys.of(request).organization)
        return Response(
            page(request, rows, presentation.statement, key="first_number", read_key=int)
        )


class StatementDetail(APIView):
    """GET /statements/{id}: its file, which proves itself (see `statement_files`)."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request, id: str) -> StreamingHttpResponse:
        rows = Statement.objects.filter(organization=api_keys.of(request).organization)
        statement = rows.filter(pk=id).first()
        if statement is None:
            raise NotFound("There is no such statement.")
        return statement_views.as_file(statement)
