"""The balance and its transactions: what every movement of money adds up to."""

from seedance_saas.simulators.stripe import ids
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, invalid
from seedance_saas.simulators.stripe.registry import control, endpoint

AVAILABLE_AFTER_SECONDS = 2 * 24 * 3600
FEE_PERMILLE, FEE_CENTS = 29, 30
CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payment_failure_refund": "refund_failure",
    "stripe_fee": "fee",
}


def processing_fee(amount: int) -> int:
    """2.9 % and 30 cents, half a cent rounded up."""
    return (amount * FEE_PERMILLE + 500) // 1000 + FEE_CENTS


def record(
    call: Call,
    type: str,
    amount: int,
    *,
    source: str | None,
    currency: str = "usd",
    fee: int = 0,
    description: str | None = None,
    reporting_category: str | None = None,
) -> Json:
    """Money that moved: `amount` and `fee` in cents, `net` is what the balance changes by."""
    details = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Dispute fee" if type == "adjustment" else "Stripe processing fees",
        "type": "stripe_fee",
    }
    is_at_once = type not in {"charge", "payment"}
    transaction: Json = {
        "id": ids.new("txn_3", 23),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": call.now if is_at_once else call.now + AVAILABLE_AFTER_SECONDS,
        "balance_type": "payments",
        "created": call.now,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": amount - fee,
        "reporting_category": reporting_category or CATEGORIES[type],
        "source": source,
        "status": "available" if is_at_once else "pending",
        "type": type,
    }
    return call.save(transaction)


def _current(call: Call, transaction: Json) -> Json:
    is_available = transaction["available_on"] <= call.now
    return transaction | {"status": "available" if is_available else "pending"}


@endpoint("GET", "/v1/balance_transactions", "BalanceTransactionListParams")
def list_transactions(call: Call) -> Json:
    names = ("type", "source", "payout", "currency")
    where = {name: call.params.get(name) for name in names}
    if where["payout"] is not None:  # nothing is ever paid out
        raise invalid(
            f"No such payout: '{where['payout']}'", param="payout", code="resource_missing"
        )
    found = call.page("balance_transaction", where)
    found["data"] = [_current(call, transaction) for transaction in found["data"]]
    return found


@endpoint("GET", "/v1/balance_transactions/{id}", "BalanceTransactionRetrieveParams")
def retrieve_transaction(call: Call) -> Json:
    return _current(call, call.get("balance_transaction", call.path["id"]))


@endpoint("GET", "/v1/balance", "BalanceRetrieveParams")
def retrieve_balance(call: Call) -> Json:
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for transaction in call.store.select("balance_transaction"):
        sums_of = sums[_current(call, transaction)["status"]]
        currency = transaction["currency"]
        sums_of[currency] = sums_of.get(currency, 0) + transaction["net"]
    currencies = sorted({"usd", *sums["available"], *sums["pending"]})
    rows = {
        name: [
            {
                "amount": amounts.get(currency, 0),
                "currency": currency,
                "source_types": {"card": amounts.get(currency, 0)},
            }
            for currency in currencies
        ]
        for name, amounts in sums.items()
    }
    prefunding = {name: [{"amount": 0, "currency": "usd"}] for name in ("available", "pending")}
    return {
        "object": "balance",
        **rows,
        "livemode": False,
        "refund_and_dispute_prefunding": prefunding,
    }


@control("POST", "/control/fees")
def take_fee(call: Call) -> Json:
    """A fee of Stripe's own, as for a product of theirs: `amount` in cents, `description`."""
    amount = call.params.get("amount")
    if not isinstance(amount, int) or amount <= 0:
        raise invalid("amount must be a positive integer, in cents.", param="amount")
    description = call.params.get("description", "Billing - Usage Fee")
    return record(call, "stripe_fee", -amount, source=None, description=description)
