"""An organization that we suspended begins nothing new, and says why."""

from collections.abc import Callable

from accounts import organizations
from accounts.models import AuditEntry, Organization
from tests.world import Api, make_user, money

BODY = {
    "model": "seedance-2.0-fast-text-to-video",
    "prompt": "a red kite",
    "resolution": "480p",
    "duration": 4,
}


def test_a_suspended_organization_begins_nothing_and_is_told_why(
    acme: Organization, api_for: Callable[[Organization], Api]
) -> None:
    api, operator = api_for(acme), make_user()

    organizations.suspend(acme, because="unpaid invoice", by=operator)
    organizations.suspend(acme, because="another word", by=operator)
    answer = api.post("/generations", BODY)

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "organization_suspended"
    assert "unpaid invoice" in answer.json()["error"]["message"]
    said = api.get("/balance").json()["suspended"]
    assert said["code"] == "organization_suspended"
    assert "unpaid invoice" in said["message"]
    assert money(acme) == (25_000_000, 0)

    organizations.reinstate(acme, by=operator)
    organizations.reinstate(acme, by=operator)

    assert api.post("/generations", BODY).status_code == 201
    actions = AuditEntry.objects.filter(target=acme.pk).order_by("id").values_list("action")
    assert [action for (action,) in actions] == [
        "organization.suspended",
        "organization.reinstated",
    ]
