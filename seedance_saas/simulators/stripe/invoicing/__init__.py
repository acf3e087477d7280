"""Prices, subscriptions, what their periods come to, and invoices."""
