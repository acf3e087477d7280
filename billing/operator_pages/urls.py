"""The operator's addresses about money, under OPERATOR_PATH. To everybody else none of them exists."""

from django.urls import path

from billing.operator_pages import (
    comparisons,
    deliveries,
    events,
    gifts,
    keys,
    ledger,
    lines,
    looks,
    meters,
    overview,
    purchases,
    tenant,
)
from billing.operator_pages import reversals as money_back

urlpatterns = [
    path("money", overview.overview_page, name="operator_money"),
    path("purchases", purchases.purchases_page, name="operator_purchases"),
    path("purchases/<str:id>", purchases.purchase_page, name="operator_purchase"),
    path("purchases/<str:id>/refund", purchases.refund_page, name="operator_refund"),
    path("money-back", money_back.reversals_page, name="operator_reversals"),
    path("events", events.events_page, name="operator_events"),
    path("events/again", events.run_all_again, name="operator_events_again"),
    path("events/<str:id>/again", events.run_again, name="operator_event_again"),
    path("meters", meters.meters_page, name="operator_meters"),
    path("meters/take-back", meters.take_back_page, name="operator_take_back"),
    path("comparisons", comparisons.comparisons_page, name="operator_comparisons"),
    path("comparisons/now", comparisons.compare_now, name="operator_compare"),
    path("lines", lines.lines_page, name="operator_lines"),
    path("lines/<str:id>", lines.line_page, name="operator_line"),
    path("ledger", ledger.ledger_checks, name="operator_ledger"),
    path("organizations/<str:id>", tenant.tenant_page, name="operator_organization"),
    path("organizations/<str:id>/give", gifts.give_page, name="operator_give"),
    path("organizations/<str:id>/suspend", tenant.suspend_page, name="operator_suspend"),
    path("organizations/<str:id>/reinstate", tenant.reinstate_page, name="operator_reinstate"),
    path("organizations/<str:id>/look", looks.begin_page, name="operator_look"),
    path("stop-looking", looks.end_look, name="operator_look_end"),
    path("keys/<str:id>/revoke", keys.revoke_page, name="operator_key"),
    path("deliveries/<str:id>/resend", deliveries.resend_page, name="operator_resend"),
]
