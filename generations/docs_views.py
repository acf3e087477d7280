"""The documentation, for everybody: rendered from catalog, rate card and code, so that it says what is."""

import inspect

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts import webhook_verification, webhooks
from generations import (
    catalog,
    error_pages,
    failure_policy,
    model_pages,
    offers,
    quick_start,
    quotes,
    samples,
)


@require_safe
def start_page(request: HttpRequest) -> HttpResponse:
    """GET /docs"""
    steps = {"ask": quick_start.ask(), "wait": quick_start.wait(), "fetch": quick_start.fetch()}
    return render(request, "docs/start.html", steps)


@require_safe
def prices_page(request: HttpRequest) -> HttpResponse:
    """GET /docs/prices"""
    context = {
        "rows": [(model, model_pages.prices(model)) for model in catalog.MODELS],
        "seconds_max": catalog.SECONDS_MAX,
        "binds_minutes": int(quotes.BINDS.total_seconds() // 60),
        "cap": quick_start.cap(),
        "end_user": quick_start.END_USER,
    }
    return render(request, "docs/prices.html", context)


@require_safe
def files_page(request: HttpRequest) -> HttpResponse:
    """GET /docs/files"""
    model = next(one for one in catalog.MODELS if one.family == catalog.Family.REFERENCE)
    context = {
        "kinds": model_pages.kinds(model),
        "limits": model_pages.limits_of(model),
        "sample": model_pages.sample(model),
    }
    return render(request, "docs/files.html", context)


@require_safe
def errors_page(request: HttpRequest) -> HttpResponse:
    """GET /docs/errors"""
    context = {
        "refusals": error_pages.rows(),
        "failures": failure_policy.as_rows(),
        "shape": samples.read("refusal.json"),
    }
    return render(request, "docs/errors.html", context)


@require_safe
def webhooks_page(request: HttpRequest) -> HttpResponse:
    """GET /docs/webhooks"""
    context = {
        "types": webhooks.TYPES,
        "body": samples.read("delivery.txt"),
        "python": inspect.getsource(webhook_verification).partition('"""\n\n')[2].rstrip(),
        "javascript": samples.read("verify_webhook.mjs"),
    }
    return render(request, "docs/webhooks.html", context)


@require_safe
def moving_page(request: HttpRequest) -> HttpResponse:
    """GET /docs/moving"""
    names = [(model.slug, *model.slugs.values()) for model in catalog.MODELS]
    return render(request, "docs/moving.html", {"names": names})


@require_safe
def models_page(request: HttpRequest) -> HttpResponse:
    """GET /docs/models"""
    rows = [(model, model_pages.does(model), model_pages.prices(model)) for model in catalog.MODELS]
    return render(request, "docs/models.html", {"rows": rows})


@require_safe
def model_page(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /docs/models/{slug}. An upstream's name for it leads to ours."""
    model = catalog.find(slug)
    if model is None:
        raise Http404
    if model.slug != slug:
        return redirect("docs_model", model.slug)
    prices = model_pages.prices(model)
    context = {
        "model": model,
        "does": model_pages.does(model),
        "prices": prices,
        "fields": model_pages.fields(model),
        "kinds": model_pages.kinds(model),
        "limits": model_pages.limits_of(model),
        "sample": model_pages.sample(model) if prices else "",
        "resolution_default": offers.of(model).resolution_default,
        "others": [other for other in catalog.MODELS if other != model],
    }
    return render(request, "docs/model.html", context)
