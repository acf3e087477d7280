"""The pages of the product."""

from django.urls import path

from generations import (
    docs_views,
    end_users_views,
    keys_views,
    playground,
    quotas_views,
    settings_views,
    status_views,
    views,
)

urlpatterns = [
    path("", views.home, name="home"),
    path("create", playground.create, name="create"),
    path("create/upload", playground.upload, name="create_upload"),
    path("create/quote", playground.quote, name="create_quote"),
    path("create/quote-bind", playground.quote_bind, name="create_quote_bind"),
    path("gallery", views.gallery, name="gallery"),
    path("keys", keys_views.keys_page, name="keys"),
    path("keys/new", keys_views.new, name="key_new"),
    path("keys/<str:key_id>", keys_views.key_page, name="key"),
    path("keys/<str:key_id>/edit", keys_views.edit, name="key_edit"),
    path("keys/<str:key_id>/rotate", keys_views.rotate, name="key_rotate"),
    path("keys/<str:key_id>/end-overlap", keys_views.end_overlap, name="key_end_overlap"),
    path("keys/<str:key_id>/revoke", keys_views.revoke, name="key_revoke"),
    path("budgets", quotas_views.budgets_page, name="budgets"),
    path("budgets/terms", quotas_views.terms, name="budget_terms"),
    path("end-users/export", end_users_views.export, name="end_user_export"),
    path("end-users/forget", end_users_views.forget, name="end_user_forget"),
    path("docs/models", docs_views.models_page, name="docs_models"),
    path("docs/models/<path:slug>", docs_views.model_page, name="docs_model"),
    path("status", status_views.status_page, name="status"),
    path("settings", settings_views.settings_page, name="settings"),
    path("settings/close", settings_views.close_page, name="organization_close"),
    path("settings/reopen", settings_views.reopen, name="organization_reopen"),
    path("live", views.live, name="live"),
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
