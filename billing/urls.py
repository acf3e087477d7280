"""The pages of money."""

from django.urls import path

from billing import statement_views, views

urlpatterns = [
    path("billing", views.ledger_page, name="billing"),
    path("billing/transfers.csv", views.transfers_csv, name="transfers_csv"),
    path("statements", statement_views.statements_page, name="statements"),
    path("statements/<str:id>", statement_views.statement_file, name="statement_file"),
]
