"""The version of Stripe's API that is played."""

API_VERSION = "2026-10-28.endive"
