"""Money, as our staff reads it. What is only ever appended is only ever read."""

from django.contrib import admin

from accounts.console import Records, console, dollars, link, rows_of
from billing.models import (
    Budget,
    CreditLine,
    Grant,
    Hold,
    Invoice,
    MeterEvent,
    Purchase,
    Reversal,
    Statement,
    StripeEvent,
    Transfer,
    UsageRecord,
)

OF_ORGANIZATION = "organization__id__exact"


class OfOrganization(Records):
    list_select_related = ("organization",)
    search_fields: tuple[str, ...] = ("id__exact", OF_ORGANIZATION)


@admin.register(Grant, site=console)
class GrantRecords(OfOrganization):
    list_display = ("id", "organization", "kind", "amount", "expires_at", "reference", "created_at")
    list_filter = ("kind",)
    search_fields = ("id__exact", "reference__exact", OF_ORGANIZATION)
    readonly_fields = ("amount", "transfers")
    amount = dollars("amount_microusd")
    transfers = rows_of("billing_transfer", "Transfers", "grant__id__exact")


@admin.register(Hold, site=console)
class HoldRecords(OfOrganization):
    list_display = ("reference", "organization", "amount", "captured", "created_at", "resolved_at")
    search_fields = ("id__exact", "reference__exact", OF_ORGANIZATION)
    exclude = ("end_user_id",)
    readonly_fields = ("transfers",)
    amount, captured = dollars("amount_microusd"), dollars("captured_microusd")
    transfers = rows_of("billing_transfer", "Transfers", "hold__id__exact")


@admin.register(Transfer, site=console)
class TransferRecords(OfOrganization):
    list_display = ("created_at", "organization", "number", "kind", "amount", "reference")
    list_filter = ("kind",)
    search_fields = ("id__exact", "reference__exact", OF_ORGANIZATION)
    amount = dollars("amount_microusd")


@admin.register(UsageRecord, site=console)
class UsageRecords(OfOrganization):
    list_display = ("settled_at", "organization", "reference", "seconds", "amount")
    exclude = ("end_user_id",)
    search_fields = ("id__exact", "reference__exact", OF_ORGANIZATION)
    amount = dollars("amount_microusd")


@admin.register(Statement, site=console)
class StatementRecords(OfOrganization):
    list_display = ("day", "organization", "first_number", "last_number", "hash")


@admin.register(Budget, site=console)
class BudgetRecords(OfOrganization):
    list_display = ("organization", "scope", "subject_id", "limit", "period")
    list_filter = ("scope", "period")
    limit = dollars("limit_microusd")


@admin.register(Purchase, site=console)
class PurchaseRecords(OfOrganization):
    list_display = ("id", "page", "organization", "origin", "state", "amount_cents", "created_at")
    list_filter = ("state", "origin")
    search_fields = ("id__exact", "intent_id__exact", "session_id__exact", OF_ORGANIZATION)
    exclude = ("token", "session_url")
    page = link("operator_purchase", "Look, refund")


@admin.register(Reversal, site=console)
class ReversalRecords(Records):
    list_display = ("id", "purchase", "invoice", "kind", "state", "amount_cents", "created_at")
    list_select_related = ("purchase", "invoice")
    list_filter = ("kind", "state")
    search_fields = ("id__exact", "stripe_id__exact", "purchase__id__exact", "invoice__id__exact")


@admin.register(CreditLine, site=console)
class LineRecords(OfOrganization):
    list_display = ("organization", "page", "state", "limit_cents", "net_days")
    list_filter = ("state",)
    search_fields = (OF_ORGANIZATION,)
    page = link("operator_line", "Change, close")


@admin.register(Invoice, site=console)
class InvoiceRecords(OfOrganization):
    list_display = ("id", "organization", "state", "number", "total_cents", "period_ended_at")
    list_filter = ("state",)
    search_fields = ("id__exact", "stripe_id__exact", "number__exact", OF_ORGANIZATION)


@admin.register(StripeEvent, site=console)
class StripeEventRecords(Records):
    list_display = ("id", "type", "object_id", "state", "received_at", "handled_at")
    list_filter = ("state",)
    search_fields = ("id__exact", "object_id__exact")


@admin.register(MeterEvent, site=console)
class MeterEventRecords(OfOrganization):
    list_display = ("id", "organization", "meter", "state", "value", "occurred_at")
    list_filter = ("state", "meter")
    search_fields = ("reference__exact", OF_ORGANIZATION)
    value = dollars("value_microusd")
