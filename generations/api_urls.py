"""Addresses of this room under /api/v1. Each with and without a slash at its end; none redirects."""

from django.urls import re_path

from generations import api, end_users_api, keys_api, terms_api, uploads_api
from generations.openapi import views as openapi_views

urlpatterns = [
    re_path(r"^openapi\.json/?$", openapi_views.openapi_json),
    re_path(r"^generations/?$", api.GenerationList.as_view()),
    re_path(r"^generations/(?P<id>[^/]+)/?$", api.GenerationDetail.as_view()),
    re_path(r"^generations/(?P<id>[^/]+)/cancel/?$", api.GenerationCancel.as_view()),
    re_path(r"^generations/(?P<id>[^/]+)/receipt/?$", api.GenerationReceipt.as_view()),
    re_path(r"^end-users/(?P<id>.+?)/?$", end_users_api.EndUserDetail.as_view()),
    re_path(r"^api-keys/?$", keys_api.KeyList.as_view()),
    re_path(r"^api-keys/(?P<id>[^/]+)/?$", keys_api.KeyDetail.as_view()),
    re_path(r"^api-keys/(?P<id>[^/]+)/rotate/?$", keys_api.KeyRotate.as_view()),
    re_path(r"^api-keys/(?P<id>[^/]+)/end-overlap/?$", keys_api.KeyEndOverlap.as_view()),
    re_path(r"^terms/?$", terms_api.TermsList.as_view()),
    re_path(r"^terms/(?P<of>[^/]+)/?$", terms_api.TermsDetail.as_view()),
    re_path(r"^quotes/?$", api.QuoteList.as_view()),
    re_path(r"^uploads/?$", uploads_api.UploadList.as_view()),
    re_path(r"^uploads/direct/?$", uploads_api.DirectUploadList.as_view()),
    re_path(
        r"^uploads/direct/(?P<id>[^/]+)/complete/?$", uploads_api.DirectUploadComplete.as_view()
    ),
    re_path(r"^uploads/(?P<id>[^/]+)/?$", uploads_api.UploadDetail.as_view()),
    re_path(r"^models/?$", api.ModelList.as_view()),
    re_path(r"^models/(?P<slug>[^/]+(?:/[^/]+)*?)/?$", api.ModelDetail.as_view()),
]
