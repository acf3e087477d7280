"""Addresses of this room under /api/v1. Each with and without a slash at its end; none redirects."""

from django.urls import re_path

from generations import api, end_users_api

urlpatterns = [
    re_path(r"^generations/?$", api.GenerationList.as_view()),
    re_path(r"^generations/(?P<id>[^/\x00]+)/?$", api.GenerationDetail.as_view()),
    re_path(r"^generations/(?P<id>[^/\x00]+)/cancel/?$", api.GenerationCancel.as_view()),
    re_path(r"^generations/(?P<id>[^/\x00]+)/receipt/?$", api.GenerationReceipt.as_view()),
    re_path(r"^end-users/(?P<id>[^\x00]+?)/?$", end_users_api.EndUserDetail.as_view()),
    re_path(r"^models/?$", api.ModelList.as_view()),
    re_path(r"^models/(?P<slug>[^/]+(?:/[^/]+)*?)/?$", api.ModelDetail.as_view()),
]
