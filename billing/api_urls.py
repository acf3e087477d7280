"""Addresses of this room under /api/v1. Each with and without a slash at its end; none redirects."""

from django.urls import re_path

from billing import api, budgets_api, purchases_api, usage_api

urlpatterns = [
    re_path(r"^balance/?$", api.BalanceDetail.as_view()),
    re_path(r"^transfers/?$", api.TransferList.as_view()),
    re_path(r"^statements/?$", api.StatementList.as_view()),
    re_path(r"^statements/(?P<id>[A-Za-z0-9_]+)/?$", api.StatementDetail.as_view()),
    re_path(r"^purchases/?$", purchases_api.PurchaseList.as_view()),
    re_path(r"^purchases/(?P<id>[A-Za-z0-9_]+)/?$", purchases_api.PurchaseDetail.as_view()),
    re_path(r"^invoices/?$", purchases_api.InvoiceList.as_view()),
    re_path(r"^invoices/(?P<id>[A-Za-z0-9_]+)/?$", purchases_api.InvoiceDetail.as_view()),
    re_path(
        r"^invoices/(?P<id>[A-Za-z0-9_]+)/usage\.csv/?$", purchases_api.InvoiceUsageCsv.as_view()
    ),
    re_path(r"^budgets/?$", budgets_api.BudgetList.as_view()),
    # An end user's id may have slashes in it.
    re_path(
        r"^budgets/(?P<scope>[a-z_]+)/(?P<id>[^\x00]+?)/?$", budgets_api.BudgetDetail.as_view()
    ),
    re_path(r"^end-users/?$", budgets_api.EndUserList.as_view()),
    re_path(r"^usage/?$", usage_api.Usage.as_view()),
    re_path(r"^usage\.csv/?$", usage_api.UsageCsv.as_view()),
    re_path(r"^usage/focus\.csv/?$", usage_api.FocusCsv.as_view()),
]
