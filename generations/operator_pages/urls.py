"""The operator's addresses about the product, under OPERATOR_PATH. To everybody else none of them exists."""

from django.urls import path

from generations.operator_pages import catalog, generation, home, margins, rates

urlpatterns = [
    path("", home.home_page, name="operator"),
    path("find", home.find, name="operator_find"),
    path("catalog", catalog.catalog_page, name="operator_catalog"),
    path("generations/<str:id>", generation.generation_page, name="operator_generation"),
    path("generations/<str:id>/cancel", generation.cancel_page, name="operator_cancel"),
    path("generations/<str:id>/unstick", generation.unstick_page, name="operator_unstick"),
    path("rates", rates.rates_page, name="operator_rates"),
    path("rates/margin", margins.margin_page, name="operator_margin"),
    path("rates/<str:version>", rates.card_page, name="operator_rate_card"),
]
