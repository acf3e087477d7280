"""Addresses of this room under /api/v1. Each with and without a slash at its end; none redirects."""

from django.urls import re_path

from billing import api

urlpatterns = [
    re_path(r"^balance/?$", api.BalanceDetail.as_view()),
    re_path(r"^transfers/?$", api.TransferList.as_view()),
]
