"""One thing that an operator does to one other: its page says in numbers what happens, asks why, and does it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from accounts import pages
from billing.operator_pages import staff
from billing.operator_pages.fields import ReasonField
from seedance_saas.errors import Refusal


@dataclass(frozen=True)
class Act:
    """What its page says. `lines` are words with what they are now, or will be. Impossible: says why not."""

    title: str
    about: str
    button: str
    back_url: str
    back_word: str
    lines: list[tuple[str, str | SafeString]] = field(default_factory=list)
    note: str = ""
    is_dangerous: bool = False
    impossible: str = ""


class ReasonForm(forms.Form):
    reason = ReasonField()


def page(request: HttpRequest, place: str, act: Act, do: Callable[[str], str]) -> HttpResponse:
    """GET shows it, POST does it with the reason and goes back with the words that `do` returns, if any.

    A refusal of the verb stands on the page, and nothing was done.
    """
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            if words := do(form.cleaned_data["reason"]):
                messages.success(request, words)
            return pages.SeeOther(act.back_url)
        except Refusal as refusal:
            form.add_error(None, refusal.message)
    status = 400 if form.is_bound else 200
    return staff.page(request, place, "act.html", {"act": act, "form": form}, status=status)
