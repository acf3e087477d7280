"""What is answered has the fields that the library's own types know: none is invented, none is lacking."""

import inspect
from collections.abc import Iterator

import pytest
import stripe

from tests.simulators.stripe.conftest import Control
from tests.simulators.stripe.till import Till, refused


def fields(kind: type) -> dict[str, bool]:
    """Field name to whether it may be null or left out."""
    found: dict[str, bool] = {}
    for base in kind.__mro__:
        if base is stripe.StripeObject:
            break
        for name, hint in inspect.get_annotations(base).items():
            text = hint if isinstance(hint, str) else str(hint)
            if "ClassVar" not in text:
                bare = text.removeprefix("typing.")
                found.setdefault(name, bare.startswith("Optional") or bare.endswith("NoneType]"))
    return found


def complaints(value: object, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from complaints(item, f"{path}[]")
    if not isinstance(value, stripe.StripeObject):
        return
    known, given = fields(type(value)), value.to_dict(recursive=False)
    is_free = not known or isinstance(value, stripe.ListObject)
    if not is_free:
        for name in known.keys() - given.keys():
            if not known[name]:
                yield f"{path}.{name} is lacking"
        yield from (f"{path}.{name} is unknown" for name in given.keys() - known.keys())
        yield from (
            f"{path}.{name} is null"
            for name in given.keys() & known.keys()
            if given[name] is None and not known[name]
        )
    for name, item in given.items():
        yield from complaints(item, f"{path}.{name}")


@pytest.fixture
def answers(till: Till, control: Control) -> dict[str, stripe.StripeObject]:
    """One of everything."""
    v1 = till.v1
    customer = till.customer(
        address={"country": "US"}, tax_id_data=[{"type": "eu_vat", "value": "DE123456789"}]
    )
    intent = till.charge(expand=["latest_charge"])
    debit = till.charge("pm_usBankAccount", expand=["latest_charge", "payment_method"])
    refund = v1.refunds.create({"payment_intent": intent.id, "amount": 400})
    control("disputes", charge=str(v1.payment_intents.retrieve(intent.id).latest_charge))
    refused(till.charge, "pm_card_chargeCustomerFail")
    session = till.session(
        customer=customer.id,
        automatic_tax={"enabled": True},
        tax_id_collection={"enabled": True},
        customer_update={"name": "auto"},
    )
    till.press(session, tax_id="DE123456789", country="DE")
    setup = v1.checkout.sessions.create(
        {"mode": "setup", "customer": customer.id, "currency": "usd", "success_url": "https://a.b"}
    )
    configuration = v1.billing_portal.configurations.create(
        {"features": {"payment_method_update": {"enabled": True}}}
    )
    everything = ["tax_ids", "tax", "subscriptions", "sources"]
    return {
        "customer": v1.customers.retrieve(customer.id, {"expand": everything}),
        "card": till.card(customer),
        "intent": intent,
        "debit": debit,
        "declined": v1.payment_intents.list().data[1],
        "charges": v1.charges.list(),
        "refund": v1.refunds.retrieve(refund.id),
        "disputes": v1.disputes.list(),
        "movements": v1.balance_transactions.list(),
        "balance": v1.balance.retrieve(),
        "session": v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]}),
        "setup": setup,
        "setup intent": v1.setup_intents.retrieve(str(setup.setup_intent)),
        "configuration": configuration,
        "portal": v1.billing_portal.sessions.create({"customer": customer.id}),
        "endpoint": v1.webhook_endpoints.create(
            {"url": "https://a.b", "enabled_events": ["charge.failed"]}
        ),
        "products": v1.products.list(),
        "events": v1.events.list({"limit": 100}),
    }


def test_every_answer_is_of_the_librarys_shape(answers: dict[str, stripe.StripeObject]) -> None:
    found = {text for name, answer in answers.items() for text in complaints(answer, name)}

    assert sorted(found) == [], chr(10).join(sorted(found))


def test_an_invented_field_would_be_noticed(answers: dict[str, stripe.StripeObject]) -> None:
    refund = stripe.Refund.construct_from(
        answers["refund"].to_dict() | {"colour": "red", "amount": None}, "sk_test_1"
    )
    del refund["currency"]

    assert sorted(complaints(refund, "refund")) == [
        "refund.amount is null",
        "refund.colour is unknown",
        "refund.currency is lacking",
    ]
