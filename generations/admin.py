"""The product, as our staff reads it. What a customer wrote is not shown: who needs it looks, and says why."""

from django.contrib import admin

from accounts.console import Records, console, dollars, link, rows_of
from generations.models import (
    Attempt,
    Generation,
    ModelSchema,
    NegativeMargin,
    PlanMargin,
    RateAgreement,
    RateCard,
    RateRule,
)

OF_ORGANIZATION = "organization__id__exact"


@admin.register(Generation, site=console)
class GenerationRecords(Records):
    list_display = (
        "id", "page", "organization", "model", "resolution", "state", "held", "charged", "created_at",
    )  # fmt: skip
    list_select_related = ("organization",)
    list_filter = ("state",)
    search_fields = ("id__exact", OF_ORGANIZATION, "api_key__id__exact")
    exclude = ("input", "metadata", "end_user_id", "video_file", "poster_file", "preview_file")
    readonly_fields = ("page", "attempts")
    page = link("operator_generation", "Cancel, unstick")
    held, charged = dollars("held_microusd"), dollars("charged_microusd")
    attempts = rows_of("generations_attempt", "Attempts", "generation__id__exact")


@admin.register(Attempt, site=console)
class AttemptRecords(Records):
    list_display = ("id", "generation", "number", "provider", "state", "job_id", "cost", "sent_at")
    list_filter = ("state", "provider")
    search_fields = ("id__exact", "generation__id__exact", "job_id__exact")
    exclude = ("webhook_secret", "output_url")
    cost = dollars("cost_microusd")


@admin.register(NegativeMargin, site=console)
class NegativeMarginRecords(Records):
    list_display = ("generation", "page", "charged", "cost", "created_at")
    ordering = ("-created_at",)
    search_fields = ("generation__id__exact",)
    page = link("operator_generation", "Its page")
    charged, cost = dollars("charged_microusd"), dollars("upstream_cost_microusd")


@admin.register(RateCard, site=console)
class RateCardRecords(Records):
    list_display = ("version", "page", "is_list", "effective_from", "published_at", "note")
    search_fields = ("version__exact",)
    page = link("operator_rate_card", "Simulate, publish")


@admin.register(RateRule, site=console)
class RateRuleRecords(Records):
    list_display = ("card", "position", "name", "rate", "cost")
    list_filter = ("card",)
    rate, cost = dollars("rate_microusd_per_second"), dollars("cost_microusd_per_second")


@admin.register(PlanMargin, site=console)
class PlanMarginRecords(Records):
    list_display = ("plan", "revision", "margin_basis_points", "effective_from", "why")


@admin.register(RateAgreement, site=console)
class RateAgreementRecords(Records):
    list_display = ("organization", "revision", "card", "margin_basis_points", "effective_from")
    list_select_related = ("organization",)
    search_fields = (OF_ORGANIZATION,)


@admin.register(ModelSchema, site=console)
class ModelSchemaRecords(Records):
    list_display = ("provider", "model", "number", "read_at", "confirmed_at")
    list_filter = ("provider",)
