"""Customers, cards, Checkout, payments, refunds, disputes, the balance and the portal."""
