"""The page of usage: parse, call, render. Its numbers are those of the API's report."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import pages, roles
from accounts.models import ApiKey, Membership, Organization
from billing import chart, usage, usage_api, usage_files
from seedance_saas.errors import InvalidRequest

WORDS = {
    "model": ("Model", "Unknown"),
    "resolution": ("Resolution", "Unknown"),
    "member": ("Member", "Nobody: by a key of the organization"),
    "api_key": ("Key", "No key: by hand"),
    "end_user_id": ("End user", "No end user"),
}
ROWS_SHOWN = 100


@require_GET
@pages.for_members
def usage_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    pages.require(
        roles.can_see_ledger(membership),
        "What was charged is seen by owners, admins and who does the billing.",
    )
    problem = None
    try:
        asked = _asked(request.GET)
    except InvalidRequest as refusal:
        problem, asked = refusal, _without_days(request.GET)
    (name,) = asked.group_by
    organization = membership.organization
    report = usage.report(organization, asked.first, asked.last, (name,), asked.filters)
    rows = _rows(report, name, {**_names(organization, name), "": WORDS[name][1]})
    total = sum(row["microusd"] for row in rows)
    shown = rows[:ROWS_SHOWN]
    for row in shown:
        row["share"] = _permille(row["microusd"], total)
        row["url"] = _link(asked, {name: row["value"]}) if name not in asked.filters else ""
    series = [chart.Series(row["value"], row["word"], row["url"]) for row in shown]
    days = usage.by_day(
        organization,
        asked.first,
        asked.last,
        name,
        [one.value for one in chart.named(series)],
        asked.filters,
    )
    context = {
        "asked": asked,
        "problem": problem,
        "until": asked.last - timedelta(days=1),
        "has_today": asked.last > timezone.now().astimezone(UTC).date(),
        "group": name,
        "group_word": WORDS[name][0],
        "groups": [(key, word, _link(asked, group_by=key)) for key, (word, _) in WORDS.items()],
        "filters": [
            (
                WORDS[key][0],
                _names(organization, key).get(value, value) or WORDS[key][1],
                _link(asked, without=key),
            )
            for key, value in asked.filters.items()
        ],
        "rows": shown,
        "rest": _sum(rows[ROWS_SHOWN:]),
        "rest_count": len(rows[ROWS_SHOWN:]),
        "total": _sum(rows),
        "chart": chart.stacked(asked.first, asked.last, days, series),
        "csv_query": _api_query(asked, group_by=f"day,{name}"),
        "focus_query": _api_query(asked),
    }
    return render(request, "billing/usage.html", context)


@require_GET
@pages.for_members
def usage_csv(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    """The API's file, for a person."""
    pages.require(roles.can_see_ledger(membership))
    return _file(request, membership, usage_files.usage_csv)


@require_GET
@pages.for_members
def focus_csv(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    pages.require(roles.can_see_ledger(membership))
    return _file(request, membership, usage_files.focus_csv)


def _file(request: HttpRequest, membership: Membership, make: Any) -> HttpResponseBase:
    try:
        answer: StreamingHttpResponse = make(
            membership.organization, usage_api.read(request.GET.dict())
        )
    except InvalidRequest as refusal:
        return HttpResponse(refusal.message, status=400, content_type="text/plain; charset=utf-8")
    return answer


def _asked(query: QueryDict) -> usage_api.Asked:
    """The address in the page's words: `since` and `until` are both in the report, as people say it."""
    said = query.dict()
    params = {name: str(said[name]) for name in usage.FILTERS if name in said}
    if since := said.get("since"):
        params["from"] = str(since)
    if until := said.get("until"):
        params["to"] = _day_after(str(until))
    params["group_by"] = str(said.get("group_by") or usage.LABELS[0])
    if params["group_by"] not in WORDS:
        raise InvalidRequest(f"There is no group {params['group_by'][:50]!r}.", param="group_by")
    return usage_api.read(params)


def _without_days(query: QueryDict) -> usage_api.Asked:
    """What is left of an address that cannot be answered as it stands."""
    rest = query.copy()
    for name in ("since", "until"):
        rest.pop(name, None)
    try:
        return _asked(rest)
    except InvalidRequest:
        return _asked(QueryDict())


def _day_after(text: str) -> str:
    try:
        return (date.fromisoformat(text) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return text


def _rows(report: Iterable[usage.Row], name: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """One for each value, the most expensive first."""
    ranked = sorted(report, key=lambda row: (-row.charged_microusd, str(row.group[name])))
    return [
        {
            "value": (value := str(row.group[name])),
            "word": names.get(value, value),
            "series": min(number, chart.SERIES_MAX),
            "records": row.records_count,
            "seconds": row.seconds,
            "microusd": row.charged_microusd,
        }
        for number, row in enumerate(ranked, start=1)
    ]


def _sum(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(row[name] for row in rows) for name in ("records", "seconds", "microusd")}


def _permille(part: int, whole: int) -> str:
    """A share in percent with one place."""
    share = (part * 2000 + whole) // (whole * 2) if whole else 0
    return f"{share // 10}.{share % 10}%"


def _names(organization: Organization, name: str) -> dict[str, str]:
    if name == "member":
        # Whoever was removed is still called by name.
        members = Membership.with_former.filter(organization=organization).select_related("user")
        return {member.id: str(member.user) for member in members}
    if name == "api_key":
        return {key.id: str(key) for key in ApiKey.objects.filter(organization=organization)}
    return {}


def _link(
    asked: usage_api.Asked,
    filters: dict[str, str] | None = None,
    *,
    group_by: str = "",
    without: str = "",
) -> str:
    """The same page, with something else asked."""
    query = QueryDict(mutable=True)
    query["since"] = asked.first.isoformat()
    query["until"] = (asked.last - timedelta(days=1)).isoformat()
    query["group_by"] = group_by or asked.group_by[0]
    for name, value in {**asked.filters, **(filters or {})}.items():
        if name != without:
            query[name] = value
    return f"?{query.urlencode()}"


def _api_query(asked: usage_api.Asked, **more: str) -> str:
    query = QueryDict(mutable=True)
    query.update({"from": asked.first.isoformat(), "to": asked.last.isoformat(), **more})
    query.update(asked.filters)
    return query.urlencode()
