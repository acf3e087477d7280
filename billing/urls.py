"""The pages of money."""

from django.urls import path

from billing import views

urlpatterns = [
    path("billing", views.ledger_page, name="billing"),
    path("billing/transfers.csv", views.transfers_csv, name="transfers_csv"),
]
