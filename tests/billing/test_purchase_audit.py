"""Money that comes in and goes back stands in the audit trail: who began it, and what came of it."""

from accounts.models import AuditEntry, Organization, User
from billing import auto_top_ups, purchases, refunds
from billing.models import AutoTopUp, Purchase
from tests.billing import bought
from tests.billing.top_ups import agree, save_card
from tests.stripe_account import StripeAccount
from tests.world import make_user


def trail(organization: Organization) -> list[tuple[str, User | None, object, object]]:
    entries = AuditEntry.objects.filter(organization=organization).order_by("id")
    return [(one.action, one.actor, one.before, one.after) for one in entries]


def test_a_purchase_is_begun_by_a_person_and_paid_by_stripes_word(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    olivia = make_user()
    purchase = purchases.begin(
        acme, amount_cents=200_00, made_by=olivia, token="f", last_paid_id="", address="203.0.113.7"
    )
    again = purchases.begin(
        acme, amount_cents=200_00, made_by=olivia, token="f", last_paid_id="", address="203.0.113.7"
    )
    assert again == purchase
    purchase = purchases.open_checkout(purchase)
    stripe_account.press(purchase.session_id, "4242424242424242")
    for _ in range(2):
        purchase = purchases.follow(purchase)

    begun = {"amount_usd": "200.0000", "bonus_usd": "4.0000"}
    assert trail(acme) == [
        ("purchase.begun", olivia, {}, begun),
        (
            "purchase.paid",
            None,
            {"state": "open"},
            begun | {"state": "paid", "origin": "checkout"},
        ),
    ]
    assert {one.target for one in AuditEntry.objects.all()} == {purchase.id}
    assert AuditEntry.objects.earliest("id").address == "203.0.113.7"


def test_what_went_back_is_one_entry_each_time_that_credits_moved(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    ann = make_user()
    purchase = bought.paid(acme, stripe_account, 200_00)

    refunds.request(purchase, amount_cents=50_00, reason="too much", actor=ann)
    purchases.follow(Purchase.objects.get())

    assert [entry for entry in trail(acme) if entry[0] == "purchase.reversed"] == [
        (
            "purchase.reversed",
            None,
            {"withdrawn_usd": "0.0000", "bonus_withdrawn_usd": "0.0000"},
            {
                "withdrawn_usd": "50.0000",
                "bonus_withdrawn_usd": "1.0000",
                "kind": "refund",
                "reversal": purchase.reversals.get().id,
            },
        )
    ]


def test_a_suspension_of_auto_top_up_and_its_end_are_entries(
    acme: Organization, stripe_account: StripeAccount
) -> None:
    save_card(stripe_account, acme)
    agree(acme)
    auto_top_ups.note_money_back(acme)
    auto_top_ups.note_money_back(acme)  # a repeat suspends nothing
    AutoTopUp.objects.update(suspension=AutoTopUp.Suspension.DECLINED, suspended_fingerprint="old")
    auto_top_ups.note_card(acme, "another")

    assert [
        entry for entry in trail(acme) if entry[0].startswith("auto_top_up.") and not entry[1]
    ] == [
        ("auto_top_up.suspended", None, {"suspension": ""}, {"suspension": "money_back"}),
        ("auto_top_up.resumed", None, {"suspension": "declined"}, {"suspension": ""}),
    ]
