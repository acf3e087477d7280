"""Reports as files, streamed line by line: plain CSV, and FOCUS 1.2 of the FinOps Foundation."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from django.http import StreamingHttpResponse

from accounts.models import Organization
from billing import periods, presentation, usage
from billing.models import UsageDay
from seedance_saas import csv_files
from seedance_saas.api import usd

PIECE = 500
PROVIDER = "Seedance SaaS"
SERVICE = "Seedance 2.0"
FOCUS_COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
)


class Report(Protocol):
    """What is asked for: UTC days from `first`, without `last`."""

    @property
    def first(self) -> date: ...
    @property
    def last(self) -> date: ...
    @property
    def group_by(self) -> tuple[str, ...]: ...
    @property
    def filters(self) -> dict[str, str]: ...


def usage_csv(
    organization: Organization, asked: Report, *, for_programs: bool = False
) -> StreamingHttpResponse:
    """The rows of the report, in the API's words."""
    columns = (*asked.group_by, "generations", "seconds", "charged_usd")
    rows = (presentation.usage_row(row) for row in _by_days(organization, asked))
    name = f"usage-{asked.first}-{asked.last}.csv"
    return csv_files.answer(name, columns, rows, for_programs=for_programs)


def focus_csv(
    organization: Organization, asked: Report, *, for_programs: bool = False
) -> StreamingHttpResponse:
    """One line a day for each end user, member, key and kind of work. Amounts are exact decimals."""
    rows = (_focus_row(organization, day) for day in _days(organization, asked))
    name = f"focus-{asked.first}-{asked.last}.csv"
    return csv_files.answer(name, FOCUS_COLUMNS, rows, for_programs=for_programs)


def _by_days(organization: Organization, asked: Report) -> Iterator[usage.Row]:
    """Day by day where days are told apart, each a query of its own: a year need not fit in memory."""
    if "day" not in asked.group_by:
        yield from usage.report(
            organization, asked.first, asked.last, asked.group_by, asked.filters
        )
        return
    day = asked.first
    while day < asked.last:
        yield from usage.report(
            organization, day, day + timedelta(days=1), asked.group_by, asked.filters
        )
        day += timedelta(days=1)


def _days(organization: Organization, asked: Report) -> Iterator[UsageDay]:
    """Piece by piece, each a query of its own: no cursor stays open behind a connection pool."""
    days = usage.days_of(organization, asked.first, asked.last, asked.filters)
    day = asked.first
    while day < asked.last:
        after = 0
        while piece := list(days.filter(day=day, id__gt=after).order_by("id")[:PIECE]):
            yield from piece
            after = piece[-1].id
        day += timedelta(days=1)


def _focus_row(organization: Organization, used: UsageDay) -> dict[str, str]:
    month = datetime.combine(used.day.replace(day=1), time(), UTC)
    start = datetime.combine(used.day, time(), UTC)
    sku = "/".join(used.labels[name] for name in sorted(used.labels))
    cost = usd(used.amount_microusd)
    unit_price = _unit_price(used)
    tags = {
        name: value
        for name, value in (
            ("end_user_id", used.end_user_id),
            ("member", used.member_id),
            ("api_key", used.api_key_id),
            *used.labels.items(),
        )
        if value
    }
    return {
        "BilledCost": cost,
        "BillingAccountId": organization.id,
        "BillingAccountName": organization.name,
        "BillingAccountType": "Organization",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": _time(periods.ends_at("month", month)),
        "BillingPeriodStart": _time(month),
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": f"{sku}: {used.seconds} seconds, {used.records_count} generations",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": _time(start + timedelta(days=1)),
        "ChargePeriodStart": _time(start),
        "ConsumedQuantity": str(used.seconds),
        "ConsumedUnit": "Seconds",
        "ContractedCost": cost,
        "ContractedUnitPrice": unit_price,
        "EffectiveCost": cost,
        "InvoiceIssuerName": PROVIDER,
        "ListCost": cost,
        "ListUnitPrice": unit_price,
        "PricingCategory": "Standard",
        "PricingCurrency": "USD",
        "PricingQuantity": str(used.seconds),
        "PricingUnit": "Seconds",
        "ProviderName": PROVIDER,
        "PublisherName": PROVIDER,
        "RegionId": "",
        "RegionName": "",
        "ResourceId": used.api_key_id or used.member_id,
        "ResourceName": "",
        "ResourceType": "API key" if used.api_key_id else "Member" if used.member_id else "",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": SERVICE,
        "ServiceSubcategory": "Generative AI",
        "SkuId": sku,
        "SkuMeter": "Seconds",
        "SkuPriceId": sku,
        "SubAccountId": used.api_key_id,
        "SubAccountName": "",
        "SubAccountType": "API key" if used.api_key_id else "",
        "Tags": json.dumps(tags, sort_keys=True),
    }


def _unit_price(used: UsageDay) -> str:
    """Empty when the day has no single exact price: a rate that changed at noon."""
    if not used.seconds or used.amount_microusd % used.seconds:
        return ""
    return usd(used.amount_microusd // used.seconds)


def _time(at: datetime | None) -> str:
    assert at is not None
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
