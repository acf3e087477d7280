"""Every address of the product. The only place that names all apps."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path, re_path

from accounts import guessing
from accounts.console import console
from billing import stripe_webhook
from generations import media_files, provider_webhook
from generations.operator_pages import home
from seedance_saas import errors, health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("api/v1/", include("generations.api_urls")),
    path("api/v1/", include("billing.api_urls")),
    path("api/v1/", include("accounts.api_urls")),
    path("media/<int:expires>/<str:signature>/<path:file>", media_files.serve, name="media"),
    re_path(
        r"^webhooks/(?P<provider>eachlabs)/(?P<secret>[A-Za-z0-9_-]{43})/?$",
        provider_webhook.receive,
    ),
    re_path(r"^webhooks/stripe/?$", stripe_webhook.receive),
    path(settings.OPERATOR_PATH, home.home_page),
    path(f"{settings.OPERATOR_PATH}/", include("generations.operator_pages.urls")),
    path(f"{settings.OPERATOR_PATH}/", include("billing.operator_pages.urls")),
    path(f"{settings.OPERATOR_PATH}/records/", console.urls),
    path("", include("accounts.urls")),  # first: two pages of allauth's are better there
    path("accounts/", include("allauth.urls")),
    path("", include("billing.urls")),
    path("", include("generations.urls")),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler429 = guessing.too_many
handler500 = errors.server_error
