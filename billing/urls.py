"""The pages of money."""

from django.urls import include, path

from billing import budgets_views, statement_views, usage_views, views

urlpatterns = [
    path("billing", views.ledger_page, name="billing"),
    path("billing/transfers.csv", views.transfers_csv, name="transfers_csv"),
    path("statements", statement_views.statements_page, name="statements"),
    path("statements/<str:id>", statement_views.statement_file, name="statement_file"),
    path("usage", usage_views.usage_page, name="usage"),
    path("usage.csv", usage_views.usage_csv, name="usage_csv"),
    path("usage/focus.csv", usage_views.focus_csv, name="focus_csv"),
    path("end-users", budgets_views.end_users_page, name="end_users"),
    path("budgets", budgets_views.budgets_page, name="budgets"),
    path("budgets/edit", budgets_views.edit, name="budget_edit"),
    path("", include("billing.operator_pages.urls")),
]
