"""The records that our own staff reads: every row behind the pages, searched, filtered and linked.

Nothing is added, changed or deleted here, by nobody: what an operator does, the pages beside it do with the
verbs that everything else calls.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import JSONField, Model, QuerySet
from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLResolver, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from accounts import staff
from accounts.models import User
from seedance_saas.api import usd

LISTED_MAX = 1000  # of a list's rows; what is further down is found by search and filters
# The product signs people in and out, and changes their passwords; and nothing is written here.
NOT_HERE = {
    "login", "logout", "password_change", "password_change_done", "view_on_site", "autocomplete",
}  # fmt: skip
WRITES = ("_add", "_delete", "_history")


class Console(UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    """Guarded as every page of our staff; its script, Alpine, evaluates what stands in its attributes."""

    index_title = "Records"
    final_catch_all_view = False

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Without colours of unfold's own: they would stand in a <style>, which no page of ours may have."""
        return {**super().each_context(request), "colors": None}

    def has_permission(self, request: HttpRequest) -> bool:
        return staff.is_staff(request)

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        inner = super().admin_view(view, cacheable)

        @staff.for_staff
        def guarded(
            request: HttpRequest, actor: User, *args: Any, **kwargs: Any
        ) -> HttpResponseBase:
            if request.method not in ("GET", "HEAD"):
                return HttpResponseNotAllowed(["GET", "HEAD"])
            answer: HttpResponseBase = inner(request, *args, **kwargs)
            answer._csp_update = {"script-src": ["'unsafe-eval'"]}  # type: ignore[attr-defined]
            return answer

        return guarded

    def get_urls(self) -> list[Any]:
        urls = [url for url in super().get_urls() if getattr(url, "name", None) not in NOT_HERE]
        _leave_tokens_to_the_guard(urls)
        return urls


def _leave_tokens_to_the_guard(urls: list[Any]) -> None:
    """Else a stranger who posts without a token would be told so, and know that something is here."""
    for url in urls:
        if isinstance(url, URLResolver):
            _leave_tokens_to_the_guard(url.url_patterns)
        else:
            url.callback.csrf_exempt = True


console = Console(name="admin")


class AtMost(Paginator):  # type: ignore[type-arg]  # generic in its stubs only
    """Counts no further than LISTED_MAX: neither a count nor an OFFSET reads a table of millions."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[:LISTED_MAX].count()


class Records(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Rows that are read, the newest first. Search is by what an index finds."""

    paginator = AtMost
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    actions = None

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """What can be done with the row, and the rows that belong to it, first."""
        rest = [
            name for name in super().get_fields(request, obj) if name not in self.readonly_fields
        ]
        return [*self.readonly_fields, *rest]

    def get_exclude(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [*(self.exclude or ()), *self._json()]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """JSON as plain text: where Pygments is at hand, unfold would colour it with style attributes."""
        shown = (name for name in self._json() if name not in (self.exclude or ()))
        return [*self.readonly_fields, *map(json_text, shown)]

    def _json(self) -> list[str]:
        return [field.name for field in self.opts.fields if isinstance(field, JSONField)]

    def get_urls(self) -> list[Any]:
        return [url for url in super().get_urls() if not (url.name or "").endswith(WRITES)]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True  # the site asked already

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True


@cache
def json_text(name: str) -> Callable[[Any], str]:
    @admin.display(description=name.replace("_", " "))
    def shown(row: Any) -> str:
        return json.dumps(getattr(row, name), indent=2, ensure_ascii=False)

    return shown


def dollars(field: str) -> Callable[[Any, Any], str | None]:
    """A column: micro-dollars as dollars."""

    @admin.display(description=field.removesuffix("_microusd").replace("_", " "), empty_value="—")
    def shown(self: Any, row: Any) -> str | None:
        amount = getattr(row, field)
        return None if amount is None else f"${usd(amount)}"

    return shown


LINK = "text-primary-600 underline dark:text-primary-400"


def link(name: str, word: str) -> Callable[[Any, Any], SafeString]:
    """A column: the way to what can be done with the row."""

    @admin.display(description="Page")
    def shown(self: Any, row: Any) -> SafeString:
        return format_html(
            '<a class="{}" href="{}">{}</a>', LINK, reverse(name, args=[row.pk]), word
        )

    return shown


def rows_of(name: str, word: str, lookup: str) -> Callable[[Any, Any], SafeString]:
    """A field: the way to the rows of another table that belong to this one."""

    @admin.display(description=word)
    def shown(self: Any, row: Any) -> SafeString:
        url = reverse(f"admin:{name}_changelist")
        return format_html('<a class="{}" href="{}?{}={}">{}</a>', LINK, url, lookup, row.pk, word)

    return shown
