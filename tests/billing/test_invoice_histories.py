"""Whatever goes back of a paid invoice, told or not told, in any order: a comparison later our books are Stripe's."""

import sqlite3
from collections import Counter
from datetime import timedelta
from random import Random

import pytest
import stripe
from django.db import transaction

from billing import comparing
from billing.checking import differences
from billing.models import Invoice, Reversal, Transfer
from tests.billing.on_account import OnAccount
from tests.billing.stripe_acts import DISPUTES
from tests.billing.stripe_books import DISPUTES as IS_AWAY
from tests.billing.stripe_books import NAMES, REFUNDS, objects

PAID_CENTS, ACTS = 90_00, 14


class History:
    """Begins with an invoice of $90.00 that was paid."""

    def __init__(self, on_account: OnAccount, invoice: Invoice, chance: Random) -> None:
        self.on_account, self.invoice, self.chance = on_account, invoice, chance
        self.account = on_account.account
        self.met: Counter[str] = Counter()

    def play(self) -> None:
        acts = (
            *(self.refund, self.refund_is_decided, self.dispute, self.dispute_moves),
            *(self.dispute_moves, self.webhooks, self.webhooks, self.compare),
            *(self.operator_opens_anew, self.time_passes),
        )
        for _ in range(ACTS):
            act = self.chance.choice(acts)
            self.met[act.__name__] += 1
            act()
            self.on_account.agrees()

    def refund(self) -> None:
        try:
            self.on_account.client.v1.refunds.create(
                {"charge": self.charge(), "amount": self.chance.randint(1, PAID_CENTS)}
            )
        except stripe.StripeError:
            self.met["a refund is refused"] += 1

    def charge(self) -> str:
        (charge,) = objects(self.account, "charge", status="succeeded")
        return str(charge["id"])

    def refund_is_decided(self) -> None:
        for refund in objects(self.account, "refund"):
            status = self.chance.choice(["succeeded", "failed"])
            self.account.control(f"refunds/{refund['id']}", status=status)

    def dispute(self) -> None:
        self.try_control(
            "disputes",
            charge=self.charge(),
            amount=self.chance.randint(1, PAID_CENTS),
            status=self.chance.choice(["needs_response", "warning_needs_response"]),
        )

    def dispute_moves(self) -> None:
        if found := objects(self.account, "dispute"):
            one = self.chance.choice(found)
            status = self.chance.choice(DISPUTES[one["status"]])
            self.try_control(f"disputes/{one['id']}", status=status)

    def try_control(self, name: str, **values: object) -> None:
        """What Stripe has no way for stays as it is."""
        answer = self.account.web("POST", f"/control/{name}", json=values)
        assert answer.status_code in (200, 400), answer.text
        self.met[f"{name.partition('/')[0]} {values['status']}"] += answer.status_code == 200

    def webhooks(self) -> None:
        """Some of them, shuffled, twice, or lost; and what follows is done."""
        waiting = self.account.waiting()
        self.chance.shuffle(waiting)
        some = waiting[: self.chance.randint(0, 6)]
        if self.chance.choice((True, True, False)):
            self.account.deliver(some * 2)
        for delivery in some:
            self.account.simulator.deliveries.mark(delivery.id, 200)
        self.on_account.run_queue()

    def compare(self) -> None:
        assert comparing.compare().differences == []

    def operator_opens_anew(self) -> None:
        self.on_account.close()
        self.on_account.approve(limit_usd=self.chance.choice((50, 100)), net_days=30)

    def time_passes(self) -> None:
        self.on_account.go_on(timedelta(hours=self.chance.choice((1, 26))), quietly=True)
        self.on_account.work()

    # -- the end ----------------------------------------------------------------------------------

    def the_books_are_equal(self) -> None:
        """Nothing is told any more, and one comparison mends the rest."""
        for delivery in self.account.waiting():
            self.account.simulator.deliveries.mark(delivery.id, 200)
        assert comparing.compare().differences == []
        again = comparing.compare()
        assert (again.healed, again.differences) == ([], [])
        assert differences() == []
        self.on_account.agrees()
        invoice = Invoice.objects.get(pk=self.invoice.pk)
        out = self.out_there()
        refunded = min(out["refund"], PAID_CENTS) * 10_000
        disputed = min(out["refund"] + out["dispute"], PAID_CENTS) * 10_000 - refunded
        assert (invoice.refunded_microusd, invoice.disputed_microusd) == (refunded, disputed)
        assert self.came_in("cash") == PAID_CENTS * 10_000 - refunded
        assert self.came_in("disputes") == -disputed
        assert self.came_in("write_off") == refunded + invoice.forgiven_microusd
        is_owed = invoice.owed_again_microusd > 0
        assert (self.on_account.line.closure == "disputed") == is_owed
        assert self.on_account.standing.open_microusd == invoice.owed_again_microusd

    def out_there(self) -> Counter[str]:
        """Cents that are away, by kind; and every refund and dispute is here once, in its state."""
        out: Counter[str] = Counter()
        theirs = {}
        for kind, words in (("refund", REFUNDS), ("dispute", IS_AWAY)):
            for one in objects(self.account, kind):
                out[kind] += one["amount"] * words[one["status"]]
                theirs[one["id"]] = (NAMES[kind][one["status"]], one["amount"])
        ours = Reversal.objects.values_list("stripe_id", "state", "amount_cents")
        assert {id: (state, cents) for id, state, cents in ours} == theirs
        assert len(ours) == len(theirs)
        return out

    def came_in(self, account: str) -> int:
        moved = Transfer.objects.all()
        gave = sum(moved.filter(from_account=account).values_list("amount_microusd", flat=True))
        got = sum(moved.filter(to_account=account).values_list("amount_microusd", flat=True))
        return gave - got


@pytest.mark.thorough
def test_random_histories_of_a_paid_invoice_end_with_equal_books(on_account: OnAccount) -> None:
    on_account.approve(limit_usd=100, net_days=30)
    on_account.use(PAID_CENTS * 10_000, held=PAID_CENTS * 10_000)
    on_account.work()
    invoice = on_account.end_month()
    on_account.pay()
    begin = sqlite3.connect(":memory:")
    on_account.account.simulator.store.connection.backup(begin)
    met: Counter[str] = Counter()

    for seed in range(16):
        savepoint = transaction.savepoint()
        history = History(on_account, invoice, Random(seed))  # noqa: S311  # the same every time
        history.play()
        history.the_books_are_equal()
        met += history.met
        transaction.savepoint_rollback(savepoint)
        begin.backup(on_account.account.simulator.store.connection)

    begin.close()
    wanted = {"a refund is refused", "disputes needs_response", "disputes won", "disputes lost"}
    assert wanted <= met.keys(), met
