"""The pages of the product."""

from django.urls import path

from generations import (
    docs_views,
    end_users_views,
    gallery_views,
    home_views,
    operator_catalog,
    playground,
    views,
)
from generations.openapi import views as openapi_views

urlpatterns = [
    path("", home_views.home, name="home"),
    path("create", playground.create, name="create"),
    path("create/upload", playground.upload, name="create_upload"),
    path("create/quote", playground.quote, name="create_quote"),
    path("create/quote-bind", playground.quote_bind, name="create_quote_bind"),
    path("gallery", gallery_views.gallery, name="gallery"),
    path("gallery/download", gallery_views.download, name="gallery_download"),
    path("gallery/delete", gallery_views.delete, name="gallery_delete"),
    path("end-users/forget", end_users_views.forget, name="end_user_forget"),
    path("docs", docs_views.start_page, name="docs"),
    path("docs/prices", docs_views.prices_page, name="docs_prices"),
    path("docs/files", docs_views.files_page, name="docs_files"),
    path("docs/errors", docs_views.errors_page, name="docs_errors"),
    path("docs/webhooks", docs_views.webhooks_page, name="docs_webhooks"),
    path("docs/moving", docs_views.moving_page, name="docs_moving"),
    path("docs/api", openapi_views.api_page, name="docs_api"),
    path("docs/models", docs_views.models_page, name="docs_models"),
    path("docs/models/<path:slug>", docs_views.model_page, name="docs_model"),
    path("operator/catalog", operator_catalog.catalog_page, name="operator_catalog"),
    path("live", gallery_views.live, name="live"),
    path("generations/<str:generation_id>", views.generation, name="generation"),
    path(
        "generations/<str:generation_id>/receipt",
        views.generation_receipt,
        name="generation_receipt",
    ),
    path("generations/<str:generation_id>/live", views.generation_live, name="generation_live"),
    path("generations/<str:generation_id>/cancel", views.cancel, name="cancel"),
    path("generations/<str:generation_id>/erase", views.erase, name="erase"),
]
