"""The only door to Stripe. It speaks our words to the rest of the room, and knows no model and no rule.

`connection` has the client and the errors. Money in: `payers`, `checkouts`, `payments`, `money_back`. Usage on account:
`usage` meters and subscriptions, `invoicing` invoices. `books` has the lists that a comparison pages through, `setup`
what an account needs once.
"""
