"""Addresses of this room under /api/v1. Each with and without a slash at its end; none redirects."""

from django.urls import re_path

from accounts import api

urlpatterns = [
    re_path(r"^events/?$", api.EventList.as_view()),
    re_path(r"^events/(?P<id>[^/\x00]+)/?$", api.EventDetail.as_view()),
]
