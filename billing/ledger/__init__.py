"""The only writer of balances. Money moves here and nowhere else; nothing here knows what it is for.

    deposit          credits come in as a new grant; a debt is paid first
    hold             keep the credits for work that begins, or refuse it
    capture          charge for the work, and give the rest back
    release          give all of it back
    expire, forfeit  the time of what is left of a grant has come, or is over now
    claw_back        money goes back out: its credits go, and what is spent already becomes a debt
    reinstate        what was clawed back has come again
    correct          the operator gives or takes, with a reason
    receive_payment  an invoice was paid
    rebook           what it was paid with goes back, comes again, or is forgiven
    lock             the wallet, for whoever decides by what is read under it

What the books promise, each proved by `check_ledger` or by the database:
- every transfer takes from one account what it gives to another, so that all of them sum to zero;
- a tenant's balance is the sum of its transfers and is never negative;
- a hold is resolved once: what it captures and what it releases is what it held, grant by grant;
- transfers are never changed, and an organization's are numbered without a gap.

One order of locks: the organization's wallet first (FOR NO KEY UPDATE), and after it everything is read
afresh. References make every verb repeatable: the second call finds what the first one did.
"""

from billing.ledger.grants import claw_back, correct, deposit, expire, forfeit, reinstate
from billing.ledger.holds import Wanted, capture, hold, release
from billing.ledger.payments import rebook, receive_payment
from billing.ledger.posting import lock

__all__ = [
    "Wanted",
    "capture",
    "claw_back",
    "correct",
    "deposit",
    "expire",
    "forfeit",
    "hold",
    "lock",
    "rebook",
    "receive_payment",
    "reinstate",
    "release",
]
