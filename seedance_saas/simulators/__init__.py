"""The outside world on loopback: upstream vendors, their files and a small piece of the internet.

Every vendor speaks its real wire protocol, read from the vendor's own documents. This package
imports nothing of the product, and the product imports nothing of it, so that each protocol is
read twice, independently: a misreading becomes a failing test instead of agreeing with itself.

A vendor is a sibling package with a `routes(world)` and a `compose_webhook`; `app.py` mounts it.
"""
