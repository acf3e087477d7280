"""Whom an operator means: an organization by its id or its name."""

from django.db.models import Q

from accounts.models import Organization
from seedance_saas.errors import NotFound


def find(text: str) -> Organization:
    """By its id, or by its whole name if no other bears it. Raises NotFound."""
    asked = text.strip()
    found = list(Organization.objects.filter(Q(pk=asked) | Q(name__iexact=asked))[:2])
    if len(found) == 1:
        return found[0]
    what = "Several organizations are" if found else "No organization is"
    raise NotFound(f"{what} called {asked[:100]!r}: give its id, org_….", param="organization")


def those_of(text: str, *, through: str = "") -> Q:
    """Rows of the organization with this id, or of those with this in their names."""
    if text.startswith("org_"):
        return Q(**{f"{through}organization_id": text})
    return Q(**{f"{through}organization__name__icontains": text})
