"""What people, banks, an operator and programs that spend do to money at Stripe, as chance has it."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from random import Random
from typing import Any, ClassVar

import stripe

from accounts.models import Organization, User
from billing import auto_top_up_terms, auto_top_ups, purchases, refunds, tasks
from billing.auto_top_up_terms import Terms
from billing.errors import PaidMeanwhile
from billing.models import Purchase, StripeCustomer
from billing.stripe_gateway.connection import StripeUnavailable
from seedance_saas.errors import Refusal
from tests.billing import moves
from tests.billing.stripe_books import objects
from tests.stripe_account import StripeAccount

AMOUNTS = (25_00, 40_01, 50_00, 200_00)
CEILING_CENTS = 90_00
CARDS = {
    "pays": "4242424242424242",
    "declines": "4000000000000002",
    "declines later": "4000000000000341",
    "asks": "4000002760003184",
    "is disputed": "4000000000000259",
    "is inquired": "4000000000001976",
    "refund fails": "4000000000005126",
    "refund is pending": "4000000000007726",
}
WAYS = ("pays", *CARDS, "debit", "debit", "no debit")
TOKENS = tuple(
    f"pm_card_{name}"
    for name in ("visa", "mastercard", "chargeCustomerFail", "authenticationRequired")
)
# Where a dispute may go from where it is. Banks do change their mind.
DISPUTES = {
    "needs_response": ("under_review", "won", "lost"),
    "under_review": ("won", "lost"),
    "warning_needs_response": ("warning_under_review", "warning_closed", "needs_response"),
    "warning_under_review": ("warning_closed", "needs_response"),
    "warning_closed": ("warning_closed",),
    "lost": ("won",),
    "won": ("lost",),
}


class Acts:
    """One organization that buys, and one that uses on account."""

    account: ClassVar[StripeAccount]
    met: ClassVar[Counter[str]] = Counter()  # what happened how often
    buyer: Organization
    user: Organization
    people: list[User]
    operator: User
    tokens: list[str]  # of the forms that were sent
    holds: list[tuple[Organization, str, int]]
    now: datetime
    count: int  # of acts

    # -- buying ----------------------------------------------------------------------------------------

    def somebody_buys(self, chance: Random) -> None:
        """In a new tab, or by a form that was sent before; pays at once, or later, or leaves before a page comes."""
        form = chance.choice(["new", "last", "first"])
        if form == "new":
            self.tokens.append(f"form{self.count}")
        try:
            self.buy(
                chance.choice(self.people),
                chance.choice(AMOUNTS),
                self.tokens[0 if form == "first" else -1],
                knows=chance.choice([True, True, False]),
                way=chance.choice([*WAYS, "", "", "", "", "leaves"]),
            )
        except PaidMeanwhile:
            self.met["asked once more"] += 1

    def buy(self, person: User, amount: int, token: str, *, knows: bool, way: str) -> None:
        newest = self.bought("paid").order_by("-paid_at").first()
        purchase = purchases.begin(
            self.buyer,
            amount_cents=amount,
            made_by=person,
            token=token,
            last_paid_id=newest.id if newest and knows else "",
        )
        if way == "leaves" or not self.ask(lambda: purchases.open_checkout(purchase)):
            return
        purchase.refresh_from_db()
        if way and purchase.session_id:
            self.pay(purchase.session_id, way, is_confirmed=True)

    def somebody_pays(self, chance: Random) -> None:
        """On any page that is open, also one that was left for another."""
        session = chance.choice(self.pages())["id"]
        self.pay(session, chance.choice(WAYS), is_confirmed=chance.choice((True, False)))

    def pay(self, session: str, way: str, *, is_confirmed: bool) -> None:
        self.met[f"card {way}"] += 1
        if "debit" in way:
            bank = "" if way == "debit" else "insufficient_funds"
            self.account.press(session, "", method="us_bank_account", bank=bank)
            return
        self.account.press(session, CARDS[way], expiry="12 / 60")
        if way == "asks":
            answer = "complete" if is_confirmed else "fail"
            self.account.web("POST", f"/c/pay/{session}/authenticate", data={"answer": answer})

    def bought(self, *states: str) -> Any:
        return Purchase.objects.filter(organization=self.buyer, state__in=states).order_by("id")

    def pages(self) -> list[dict[str, Any]]:
        return objects(self.account, "checkout.session", status="open")

    def ask(self, call: Callable[[], object]) -> bool:
        """Whether Stripe was there."""
        try:
            call()
        except StripeUnavailable:
            self.met["Stripe was away"] += 1
            return False
        return True

    # -- spending --------------------------------------------------------------------------------------

    def work_begins(self, chance: Random) -> None:
        organization = chance.choice((self.buyer, self.user))
        reference, amount = f"work:{self.count}", chance.randint(1, 60_00) * 10_000
        if self.is_done(lambda: moves.hold(organization, reference, amount, now=self.now)):
            self.holds.append((organization, reference, amount))

    def work_ends(self, chance: Random) -> None:
        number = chance.randint(0, len(self.holds) - 1)
        organization, reference, amount = self.holds.pop(number)
        moves.settle(organization, reference, amount * chance.randint(0, 4) // 4)
        if chance.randint(0, 1):
            self.next_call_fails("/v1/billing/meter_events", after=chance.choice((True, False)))

    # -- money goes back -------------------------------------------------------------------------------

    def the_operator_refunds(self, chance: Random) -> None:
        """Of some the answer is lost."""
        purchase = chance.choice(list(self.bought("paid")))
        share, is_spent_too = chance.choice((1, 1, 2, 3, 8)), chance.choice((True, False))
        is_done = self.is_done(
            lambda: refunds.request(
                purchase,
                amount_cents=purchase.amount_cents * share // 8,
                reason="asked for",
                actor=self.operator,
                is_spent_too=is_spent_too,
            )
        )
        if is_done and chance.choice((True, False)):
            self.next_call_fails("/v1/refunds", after=True)

    def charges(self) -> list[dict[str, Any]]:
        return objects(self.account, "charge", status="succeeded")

    def somebody_refunds_in_the_dashboard(self, chance: Random) -> None:
        charge, share = chance.choice(self.charges()), chance.randint(1, 4)
        self.is_done(
            lambda: self.account.client.v1.refunds.create(
                {"charge": charge["id"], "amount": charge["amount"] * share // 4}
            )
        )

    def a_bank_decides_on_a_refund(self, chance: Random) -> None:
        refund = chance.choice(objects(self.account, "refund"))
        self.account.control(
            f"refunds/{refund['id']}", status=chance.choice(["succeeded", "failed"])
        )

    def a_bank_disputes(self, chance: Random) -> None:
        charge = chance.choice(self.charges())
        self.try_control(
            "disputes",
            charge=charge["id"],
            amount=charge["amount"] * chance.randint(1, 4) // 4,
            status=chance.choice(["needs_response", "warning_needs_response"]),
        )

    def a_dispute_moves(self, chance: Random) -> None:
        dispute = chance.choice(objects(self.account, "dispute"))
        self.try_control(
            f"disputes/{dispute['id']}", status=chance.choice(DISPUTES[dispute["status"]])
        )

    def next_call_fails(self, path: str, *, after: bool) -> None:
        """`after`: what was asked for is done, and nobody hears of it."""
        self.account.control("faults", method="POST", path=path, drop=True, after=after)

    def try_control(self, name: str, **values: Any) -> None:
        """What Stripe has no way for stays as it is."""
        answer = self.account.web("POST", f"/control/{name}", json=values)
        assert answer.status_code in (200, 400), answer.text
        done = "is" if answer.status_code == 200 else "cannot be"
        self.met[f"{name.partition('/')[0]}: {done} {values['status']}"] += 1

    # -- the saved card --------------------------------------------------------------------------------

    def terms_are_set(self, chance: Random) -> None:
        amount = chance.choice([None, 25_00, 40_01])
        threshold = chance.choice([260_000_000, 1_000_000_000])
        terms = Terms(
            is_on=chance.choice([True, True, True, False]),
            threshold_microusd=threshold,
            amount_cents=amount,
            target_microusd=threshold + 40_000_000 if amount is None else None,
            ceiling_cents=CEILING_CENTS,
        )
        auto_top_up_terms.set_terms(self.buyer, terms, actor=self.people[0])

    def the_moment_is_looked_for(self, chance: Random) -> None:
        times = chance.randint(1, 3)
        made = [one for _ in range(times) if (one := auto_top_ups.consider(self.buyer))]
        assert len(made) <= 1
        self.met["topped up"] += len(made)
        for purchase in made:
            if chance.randint(0, 1):  # at once, twice, and the first time nobody hears the answer
                self.next_call_fails("/v1/payment_intents", after=True)
                for _ in range(2):
                    self.ask(partial(tasks.follow_purchase, purchase.id))

    def customer_id(self) -> str:
        found = StripeCustomer.objects.filter(organization=self.buyer).first()
        return found.stripe_id if found else ""

    def the_card_is_replaced(self, chance: Random) -> None:
        token, removes = chance.choice(TOKENS), chance.choice((True, False))
        client, customer_id = self.account.client.v1, self.customer_id()

        def replace() -> None:
            old = client.customers.payment_methods.list(customer_id).data
            method = client.payment_methods.attach(token, {"customer": customer_id})
            chosen: Any = {"invoice_settings": {"default_payment_method": method.id}}
            client.customers.update(customer_id, chosen)
            for one in old if removes else []:
                client.payment_methods.detach(one.id)

        self.is_done(replace)

    def is_done(self, act: Callable[[], object]) -> bool:
        """What is refused, by us or by Stripe, is no error of a history."""
        try:
            act()
        except (Refusal, stripe.StripeError) as error:
            self.met[f"refused: {error.code or type(error).__name__}"] += 1
            return False
        return True
