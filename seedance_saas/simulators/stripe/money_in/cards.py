"""Stripe's test cards and test banks: what each number and each token does.

Source: Stripe docs, testing (cards by number and by PaymentMethod, disputes, refunds, 3D Secure).
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str | None
    message: str


DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", "generic_decline", DECLINED)
FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", DECLINED)
STOLEN = Decline("card_declined", "stolen_card", DECLINED)
EXPIRED = Decline("expired_card", None, "Your card has expired.")
CVC = Decline("incorrect_cvc", None, "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    None,
    "An error occurred while processing your card. Try again in a little bit.",
)
LIVE_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card. For a list of "
    "valid test cards, visit: https://stripe.com/docs/testing.",
)
AUTHENTICATION = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)


@dataclass(frozen=True)
class KnownCard:
    """`tokens`: the names below `pm_card_`. `asks`: 3D Secure "always", or "until_set_up"."""

    number: str
    meaning: str
    tokens: tuple[str, ...] = ()
    brand: str = "visa"
    funding: str = "credit"
    decline: Decline | None = None
    decline_when_saved: Decline | None = None
    asks: str = ""
    dispute: str = ""  # the reason
    is_inquiry: bool = False
    refund: str = ""  # "fails" or "pending"


TABLE = (
    KnownCard("4242424242424242", "pays", ("visa",)),
    KnownCard("4000056655665556", "pays (debit)", ("visa_debit",), funding="debit"),
    KnownCard("5555555555554444", "pays (Mastercard)", ("mastercard",), "mastercard"),
    KnownCard("378282246310005", "pays (American Express)", ("amex",), "amex"),
    KnownCard("6011111111111117", "pays (Discover)", ("discover",), "discover"),
    KnownCard(
        "4000000000000002",
        "is declined",
        ("chargeDeclined", "visa_chargeDeclined"),
        decline=GENERIC,
    ),
    KnownCard(
        "4000000000009995",
        "is declined: insufficient funds",
        ("chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"),
        decline=FUNDS,
    ),
    KnownCard(
        "4000000000009987",
        "is declined: lost",
        ("chargeDeclinedLostCard", "visa_chargeDeclinedLostCard"),
        decline=LOST,
    ),
    KnownCard(
        "4000000000009979",
        "is declined: stolen",
        ("chargeDeclinedStolenCard", "visa_chargeDeclinedStolenCard"),
        decline=STOLEN,
    ),
    KnownCard(
        "4000000000000069",
        "is declined: expired",
        ("chargeDeclinedExpiredCard",),
        decline=EXPIRED,
    ),
    KnownCard(
        "4000000000000127",
        "is declined: wrong security code",
        ("chargeDeclinedIncorrectCvc",),
        decline=CVC,
    ),
    KnownCard(
        "4000000000000119",
        "is declined: processing error",
        ("chargeDeclinedProcessingError",),
        decline=PROCESSING,
    ),
    KnownCard(
        "4000000000000341",
        "can be saved, but is declined whenever it is charged",
        ("chargeCustomerFail",),
        decline_when_saved=GENERIC,
    ),
    KnownCard(
        "4000002500003155",
        "asks for 3D Secure, unless it was saved for later before",
        ("authenticationRequiredOnSetup",),
        asks="until_set_up",
    ),
    KnownCard(
        "4000002760003184",
        "asks for 3D Secure every time",
        ("authenticationRequired",),
        asks="always",
    ),
    KnownCard(
        "4000008260003178",
        "asks for 3D Secure, then has insufficient funds",
        ("authenticationRequiredChargeDeclinedInsufficientFunds",),
        asks="always",
        decline=FUNDS,
    ),
    KnownCard(
        "4000000000000259",
        "pays, then is disputed as fraudulent",
        ("createDispute",),
        dispute="fraudulent",
    ),
    KnownCard(
        "4000000000002685",
        "pays, then is disputed: product not received",
        ("createDisputeProductNotReceived",),
        dispute="product_not_received",
    ),
    KnownCard(
        "4000000000001976",
        "pays, then the bank inquires",
        ("createDisputeInquiry",),
        dispute="fraudulent",
        is_inquiry=True,
    ),
    KnownCard(
        "4000000000005126", "pays; a refund of it fails later", ("refundFail",), refund="fails"
    ),
    KnownCard(
        "4000000000007726",
        "pays; a refund of it is pending at first",
        ("pendingRefund",),
        refund="pending",
    ),
)

BY_NUMBER = {card.number: card for card in TABLE}
BY_TOKEN = {token: card for card in TABLE for token in card.tokens}
# Test banks, by the name below `pm_usBankAccount`: why the debit fails, "" if it does not.
BANKS = {
    "": "",
    "_success": "",
    "_insufficientFunds": "insufficient_funds",
    "_accountClosed": "account_closed",
    "_debitNotAuthorized": "debit_not_authorized",
    "_noAccount": "no_account",
}


def of_number(number: str) -> KnownCard:
    """Any other number is a card that test mode declines."""
    return BY_NUMBER.get(number) or KnownCard(number, "is no test card", decline=LIVE_CARD)


def is_valid(number: str) -> bool:
    """The check digit is right."""
    if not number.isdecimal() or not 12 <= len(number) <= 19:
        return False
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def fingerprint(number: str) -> str:
    """The same for the same number, whoever has it."""
    alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
    digest = hashlib.sha256(f"stripe simulator {number}".encode()).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in digest[:16])
