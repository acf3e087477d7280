"""The only door to Stripe. It speaks our words to the rest of the room, and knows no model and no rule.

`connection` has the client and the errors, `payments` the money in, `usage` meters and invoices, `books`
the lists that a comparison pages through, `setup` what an account needs once.
"""
