"""Addresses of this room under /api/v1. Each with and without a slash at its end; none redirects."""

from django.urls import re_path

from accounts import api, webhooks_api

urlpatterns = [
    re_path(r"^events/?$", api.EventList.as_view()),
    re_path(r"^events/(?P<id>[^/\x00]+)/?$", api.EventDetail.as_view()),
    re_path(r"^webhook-endpoints/?$", webhooks_api.EndpointList.as_view()),
    re_path(r"^webhook-endpoints/(?P<id>[^/\x00]+)/?$", webhooks_api.EndpointDetail.as_view()),
    re_path(
        r"^webhook-endpoints/(?P<id>[^/\x00]+)/rotate-secret/?$",
        webhooks_api.EndpointRotateSecret.as_view(),
    ),
    re_path(r"^webhook-endpoints/(?P<id>[^/\x00]+)/test/?$", webhooks_api.EndpointTest.as_view()),
    re_path(
        r"^webhook-endpoints/(?P<id>[^/\x00]+)/replay/?$", webhooks_api.EndpointReplay.as_view()
    ),
    re_path(
        r"^webhook-endpoints/(?P<id>[^/\x00]+)/deliveries/?$",
        webhooks_api.EndpointDeliveries.as_view(),
    ),
    re_path(r"^deliveries/(?P<id>[^/\x00]+)/?$", webhooks_api.DeliveryDetail.as_view()),
    re_path(r"^deliveries/(?P<id>[^/\x00]+)/resend/?$", webhooks_api.DeliveryResend.as_view()),
]
