"""Purchases in the API: newest first, page by page, with what went back; a stranger finds none."""

from collections.abc import Callable

from django.utils import timezone

from accounts.models import Organization, User
from billing.models import Purchase
from tests.billing.bought import bought, settle
from tests.stripe_account import StripeAccount
from tests.world import Api


def test_one_shows_its_refunds(
    acme: Organization,
    api_for: Callable[[Organization], Api],
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    purchase = bought(acme, member_of(acme), stripe_account, run_queue)
    stripe_account.client.v1.refunds.create({"payment_intent": purchase.intent_id, "amount": 50_00})
    settle(stripe_account, run_queue)

    shown = api_for(acme).get(f"/purchases/{purchase.id}").json()

    assert (shown["status"], shown["total_usd"], shown["withdrawn_usd"]) == (
        "paid",
        "200.0000",
        "51.0000",
    )
    (refund,) = shown["reversals"]
    assert (refund["object"], refund["status"], refund["amount_usd"]) == (
        "refund",
        "succeeded",
        "50.0000",
    )


def test_the_list_goes_on_by_its_cursor_and_is_ours_alone(
    acme: Organization, rival: Organization, api_for: Callable[[Organization], Api]
) -> None:
    now = timezone.now()
    made = [
        Purchase.objects.create(
            organization=acme,
            origin="checkout",
            state="expired",
            amount_cents=cents,
            created_at=now,
            due_at=now,
        )
        for cents in (25_00, 50_00, 75_00)
    ]
    api = api_for(acme)

    first = api.get("/purchases", limit=2).json()
    second = api.get("/purchases", limit=2, cursor=first["next_cursor"]).json()

    assert [one["amount_usd"] for one in first["data"]] == ["75.0000", "50.0000"]
    assert [one["amount_usd"] for one in second["data"]] == ["25.0000"]
    assert second["next_cursor"] is None
    stranger = api_for(rival)
    assert stranger.get("/purchases").json()["data"] == []
    assert stranger.get(f"/purchases/{made[0].id}").status_code == 404
    assert stranger.get("/purchases/pur_none").json()["error"]["code"] == "not_found"
