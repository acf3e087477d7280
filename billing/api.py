"""The money of the native API: parse, call, render. Reads only; a read never answers 402."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys
from billing import presentation
from billing.models import Transfer
from seedance_saas.api import page
from seedance_saas.errors import InvalidRequest


class BalanceDetail(APIView):
    """GET /balance."""

    def get(self, request: Request) -> Response:
        return Response(presentation.balance(api_keys.of(request).organization))


class TransferList(APIView):
    """GET /transfers?reference=&kind=."""

    def get(self, request: Request) -> Response:
        rows = Transfer.objects.filter(organization=api_keys.of(request).organization)
        if reference := request.query_params.get("reference"):
            rows = rows.filter(reference=reference)
        if kind := request.query_params.get("kind"):
            if kind not in Transfer.Kind.values:
                raise InvalidRequest(
                    f"kind must be one of: {', '.join(Transfer.Kind.values)}.",
                    param="kind",
                    allowed=Transfer.Kind.values,
                )
            rows = rows.filter(kind=kind)
        return Response(page(request, rows, presentation.transfer, key="number", read_key=int))
