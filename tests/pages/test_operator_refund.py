"""A refund by an operator: asked for, shown in numbers, and done once; a refusal leaves nothing behind."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django_q.models import OrmQ

from accounts.models import AuditEntry, Organization, User
from billing import balances
from billing.models import Purchase, Reversal, Transfer
from tests.billing.bought import bought, settle
from tests.billing.moves import used
from tests.pages.conftest import text
from tests.stripe_account import StripeAccount
from tests.world import money


@pytest.fixture
def purchase(
    make_organization: Callable[..., Organization],
    member_of: Callable[..., User],
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> Purchase:
    """$200.00 with $4.00 of bonus, of which the bonus and $50.00 are spent."""
    organization = make_organization("Acme", credits_usd="0")
    made = bought(organization, member_of(organization), stripe_account, run_queue)
    used(organization, "work:1", 54_000_000)
    return made


def path(purchase: Purchase) -> str:
    return f"/operator/purchases/{purchase.id}/refund"


def shown(staff: Client, purchase: Purchase, usd: str) -> dict[str, str]:
    """What the form of the preview sends when its button is pressed."""
    said = {"amount_usd": usd, "reason": "Asked for it"}
    answer = staff.post(path(purchase), {"do": "preview", **said})
    assert answer.status_code == 200, answer.content
    page = answer.content.decode()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    return {"do": "refund"} | {
        name: hidden[name] for name in ("id", "amount_usd", "reason", "debt_microusd")
    }


def nothing_moved(purchase: Purchase) -> None:
    assert not Reversal.objects.exists()
    assert not OrmQ.objects.exists()
    assert not AuditEntry.objects.filter(action="purchase.refund_requested").exists()
    assert money(purchase.organization) == (150_000_000, 0)


def test_the_form_says_what_was_paid_went_back_and_is_unspent(
    purchase: Purchase, staff: Client
) -> None:
    page = text(staff.get(path(purchase)))

    for line in ("Paid, tax included", "$200.00", "Went back", "$0.00", "Unspent", "$150.00"):
        assert line in page
    assert 'value="150.00"' in page


def test_the_preview_moves_nothing(purchase: Purchase, staff: Client) -> None:
    sent = shown(staff, purchase, "100")

    assert (sent["amount_usd"], sent["debt_microusd"]) == ("100", "0")
    nothing_moved(purchase)


def test_what_is_unspent_goes_back_with_who_did_it_and_from_where(
    purchase: Purchase,
    staff: Client,
    ann: User,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    answer = staff.post(path(purchase), shown(staff, purchase, "100"), follow=True)
    settle(stripe_account, run_queue)

    assert "$100.00 is on its way back" in text(answer)
    row = Reversal.objects.get()
    assert (row.state, row.amount_cents, row.made_by) == ("succeeded", 100_00, ann)
    assert money(purchase.organization) == (50_000_000, 0)
    entry = AuditEntry.objects.get(action="purchase.refund_requested")
    assert (entry.actor, entry.address) == (ann, "127.0.0.1")
    assert entry.after == {
        "reversal": row.id,
        "amount_usd": "100.0000",
        "debt_usd": "0.0000",
        "reason": "Asked for it",
    }


def test_a_second_click_gives_back_once(
    purchase: Purchase,
    staff: Client,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    sent = shown(staff, purchase, "50")
    for _ in range(2):
        assert staff.post(path(purchase), sent).status_code == 302
    settle(stripe_account, run_queue)
    assert staff.post(path(purchase), sent).status_code == 302
    settle(stripe_account, run_queue)

    assert len(stripe_account.client.v1.refunds.list().data) == 1
    assert money(purchase.organization) == (100_000_000, 0)


def test_two_previews_are_two_refunds(
    purchase: Purchase,
    staff: Client,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    first, second = shown(staff, purchase, "50"), shown(staff, purchase, "50")
    staff.post(path(purchase), first)
    staff.post(path(purchase), second)
    settle(stripe_account, run_queue)

    assert sorted(one.amount for one in stripe_account.client.v1.refunds.list().data) == [50_00] * 2
    assert money(purchase.organization) == (50_000_000, 0)


def test_what_was_spent_goes_back_only_with_the_debt_in_view(
    purchase: Purchase,
    staff: Client,
    stripe_account: StripeAccount,
    run_queue: Callable[[], int],
) -> None:
    sent = shown(staff, purchase, "180")
    page = text(staff.post(path(purchase), {**sent, "do": "preview"}))
    assert "owes us" in page
    assert 'name="is_spent_too" required' in page
    assert sent["debt_microusd"] == "30000000"

    refused = staff.post(path(purchase), sent)
    assert refused.status_code == 400
    assert "Only $150.0000 is unspent." in text(refused)
    nothing_moved(purchase)

    assert staff.post(path(purchase), {**sent, "is_spent_too": "on"}).status_code == 302
    settle(stripe_account, run_queue)
    assert balances.of(purchase.organization).debt_microusd == 30_000_000
    assert money(purchase.organization) == (0, 0)


def test_a_debt_that_has_grown_is_shown_anew(purchase: Purchase, staff: Client) -> None:
    sent = shown(staff, purchase, "180")
    used(purchase.organization, "work:2", 10_000_000)
    count = Transfer.objects.count()

    refused = staff.post(path(purchase), {**sent, "is_spent_too": "on"})

    assert refused.status_code == 400
    page = text(refused)
    assert "It would leave a debt of $40.0000 now, and not of $30.0000." in page
    assert 'name="debt_microusd" value="40000000"' in page
    assert (Transfer.objects.count(), Reversal.objects.count()) == (count, 0)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"amount_usd": "200.01"}, "Only $200.00"),
        ({"amount_usd": "0"}, "The amount must be at least $0.01."),
        ({"amount_usd": "1.005"}, "The amount must be dollars with at most two places"),
        ({"amount_usd": "-5"}, "The amount must be dollars"),
        ({"amount_usd": ""}, "The amount must be dollars"),
        ({"amount_usd": "9" * 30}, "The amount must be dollars"),
        ({"reason": "  "}, "The reason must have 1 to 200 characters."),
        ({"reason": "x" * 201}, "The reason must have 1 to 200 characters."),
        ({"reason": "a\x00b"}, "The reason must have 1 to 200 characters."),
    ],
)
def test_bad_input_is_said_at_its_field_and_moves_nothing(
    purchase: Purchase, staff: Client, said: dict[str, str], error: str
) -> None:
    good = {"amount_usd": "100", "reason": "Asked for it"}
    for do in ("preview", "refund"):
        sent = {**shown(staff, purchase, "100"), **good, **said, "do": do, "is_spent_too": "on"}
        refused = staff.post(path(purchase), sent)
        assert refused.status_code == 400, do
        assert error in text(refused), do
    nothing_moved(purchase)


@pytest.mark.parametrize(
    "said",
    [{"id": ""}, {"id": "rev_1"}, {"id": "pur_" + "0" * 32}, {"debt_microusd": "-1"}, {"do": "x"}],
)
def test_a_form_that_was_tampered_with_moves_nothing(
    purchase: Purchase, staff: Client, said: dict[str, str]
) -> None:
    sent = {**shown(staff, purchase, "100"), **said}

    assert staff.post(path(purchase), sent).status_code in (200, 400)
    nothing_moved(purchase)


def test_what_is_not_paid_has_no_refund(
    acme: Organization, staff: Client, purchase: Purchase
) -> None:
    Purchase.objects.create(
        id="pur_open",
        organization=acme,
        origin="checkout",
        amount_cents=50_00,
        due_at=purchase.due_at,
        created_at=purchase.created_at,
    )

    assert staff.get("/operator/purchases/pur_open/refund").status_code == 404
    assert "Refund…" not in text(staff.get("/operator/purchases/pur_open"))
