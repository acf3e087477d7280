"""Purchases and invoices of the native API: parse, call, render. Reads only."""

from typing import ClassVar

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import api_keys
from billing import invoice_files, presentation
from billing.models import Invoice, Purchase
from seedance_saas.api import page
from seedance_saas.errors import NotFound


class PurchaseList(APIView):
    """GET /purchases."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> Response:
        rows = Purchase.objects.filter(organization=api_keys.of(request).organization)
        return Response(page(request, rows, presentation.purchase))


class PurchaseDetail(APIView):
    """GET /purchases/{id}, with its refunds and disputes."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request, id: str) -> Response:
        rows = Purchase.objects.filter(organization=api_keys.of(request).organization)
        purchase = rows.filter(pk=id).first()
        if purchase is None:
            raise NotFound("There is no such purchase.")
        back = [presentation.reversal(row) for row in purchase.reversals.order_by("id")]
        return Response(presentation.purchase(purchase) | {"reversals": back})


class InvoiceList(APIView):
    """GET /invoices."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request) -> Response:
        rows = Invoice.objects.filter(organization=api_keys.of(request).organization)
        return Response(page(request, rows, presentation.invoice))


class InvoiceDetail(APIView):
    """GET /invoices/{id}."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request, id: str) -> Response:
        return Response(presentation.invoice(_invoice(request, id)))


class InvoiceUsageCsv(APIView):
    """GET /invoices/{id}/usage.csv: what it is for, one row for each end user."""

    scopes: ClassVar[dict[str, str]] = {"GET": "billing:read"}

    def get(self, request: Request, id: str) -> StreamingHttpResponse:
        return invoice_files.usage_csv(_invoice(request, id), for_programs=True)


def _invoice(request: Request, id: str) -> Invoice:
    rows = Invoice.objects.filter(organization=api_keys.of(request).organization)
    invoice = rows.filter(pk=id).first()
    if invoice is None:
        raise NotFound("There is no such invoice.")
    return invoice
