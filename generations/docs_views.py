"""The pages about the models, for everybody: rendered from the catalog, so that they never say what is not sold."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from generations import catalog, model_pages, offers


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
