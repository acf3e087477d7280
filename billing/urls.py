"""The pages of money."""

from django.urls import path

from billing import (
    budgets_views,
    checkout_views,
    end_users_views,
    invoices_views,
    members_views,
    organizations_views,
    purchases_views,
    statement_views,
    top_up_views,
    usage_views,
    views,
)

urlpatterns = [
    path("billing", views.billing_page, name="billing"),
    path("billing/buy", checkout_views.buy, name="buy"),
    path("billing/portal", checkout_views.stripe_portal, name="stripe_portal"),
    path("billing/purchases", purchases_views.purchases_page, name="purchases"),
    path("billing/purchases.csv", purchases_views.purchases_csv, name="purchases_csv"),
    path("billing/purchases/<str:id>", purchases_views.purchase_page, name="purchase"),
    path(
        "billing/purchases/<str:id>/receipt",
        purchases_views.purchase_receipt,
        name="purchase_receipt",
    ),
    path("billing/auto-top-up", top_up_views.auto_top_up, name="auto_top_up"),
    path("billing/invoices", invoices_views.invoices_page, name="invoices"),
    path("billing/invoices/<str:id>", invoices_views.invoice_page, name="invoice"),
    path("billing/invoices/<str:id>/usage.csv", invoices_views.usage_csv, name="invoice_usage_csv"),
    path(
        "billing/invoices/<str:id>/usage_lines.csv",
        invoices_views.usage_lines_csv,
        name="invoice_usage_lines_csv",
    ),
    path("billing/transfers.csv", views.transfers_csv, name="transfers_csv"),
    path("statements", statement_views.statements_page, name="statements"),
    path("statements/<str:id>", statement_views.statement_file, name="statement_file"),
    path("usage", usage_views.usage_page, name="usage"),
    path("usage.csv", usage_views.usage_csv, name="usage_csv"),
    path("usage/focus.csv", usage_views.focus_csv, name="focus_csv"),
    path("end-users", end_users_views.end_users_page, name="end_users"),
    path("organizations/new", organizations_views.new_organization, name="organization_new"),
    path("sandbox/fill", organizations_views.fill_sandbox, name="sandbox_fill"),
    path("members", members_views.members_page, name="members"),
    path("members/<str:id>", members_views.member_page, name="member"),
    path("members/<str:id>/remove", members_views.member_remove, name="member_remove"),
    path("members/<str:id>/transfer", members_views.member_transfer, name="member_transfer"),
    path("leave", members_views.leave, name="leave"),
    path("budgets/edit", budgets_views.edit, name="budget_edit"),
]
