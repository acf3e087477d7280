"""The operator's addresses. To everybody else none of them exists."""

from django.urls import path

from billing.operator import comparisons, events, ledger, lines, meters, overview, purchases
from billing.operator import reversals as money_back

urlpatterns = [
    path("operator", overview.overview_page, name="operator"),
    path("operator/purchases", purchases.purchases_page, name="operator_purchases"),
    path("operator/purchases/<str:id>", purchases.purchase_page, name="operator_purchase"),
    path("operator/purchases/<str:id>/refund", purchases.refund_page, name="operator_refund"),
    path("operator/money-back", money_back.reversals_page, name="operator_reversals"),
    path("operator/events", events.events_page, name="operator_events"),
    path("operator/events/again", events.run_all_again, name="operator_events_again"),
    path("operator/events/<str:id>/again", events.run_again, name="operator_event_again"),
    path("operator/meters", meters.meters_page, name="operator_meters"),
    path("operator/meters/take-back", meters.take_back_page, name="operator_take_back"),
    path("operator/comparisons", comparisons.comparisons_page, name="operator_comparisons"),
    path("operator/comparisons/now", comparisons.compare_now, name="operator_compare"),
    path("operator/lines", lines.lines_page, name="operator_lines"),
    path("operator/lines/<str:id>", lines.line_page, name="operator_line"),
    path("operator/ledger", ledger.ledger_checks, name="operator_ledger"),
]
