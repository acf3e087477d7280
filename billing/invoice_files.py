"""The appendix of an invoice as files: the same numbers as its page."""

from typing import Any

from django.http import StreamingHttpResponse

from billing import invoice_appendix
from billing.invoice_appendix import EndUser, Use
from billing.models import Invoice
from seedance_saas import csv_files
from seedance_saas.api import moment, usd

COLUMNS = ("end_user_id", "generations", "seconds", "used_usd", "given_back_usd", "amount_usd")
LINE_COLUMNS = (
    *("reference", "occurred_at", "end_user_id", "model", "resolution"),
    *("seconds", "amount_usd"),
)


def usage_csv(invoice: Invoice, *, for_programs: bool = False) -> StreamingHttpResponse:
    """One row for each end user, whose amounts add up to the invoice before its rounding to cents."""
    rows = map(_end_user, invoice_appendix.end_users(invoice))
    name = f"{_name(invoice)}-usage.csv"
    return csv_files.answer(name, COLUMNS, rows, for_programs=for_programs)


def usage_lines_csv(invoice: Invoice) -> StreamingHttpResponse:
    """One row for each piece of work."""
    rows = map(_use, invoice_appendix.uses(invoice))
    return csv_files.answer(f"{_name(invoice)}-usage-lines.csv", LINE_COLUMNS, rows)


def _name(invoice: Invoice) -> str:
    """Stripe's number if it is a plain one: it becomes a file's name in a header."""
    is_plain = invoice.number.replace("-", "").isalnum() and invoice.number.isascii()
    return invoice.number if is_plain else invoice.id


def _end_user(row: EndUser) -> dict[str, Any]:
    return {
        "end_user_id": row.id,
        "generations": row.generations,
        "seconds": row.seconds,
        "used_usd": usd(row.used_microusd),
        "given_back_usd": usd(row.given_back_microusd),
        "amount_usd": usd(row.amount_microusd),
    }


def _use(row: Use) -> dict[str, Any]:
    return {
        "reference": row.reference,
        "occurred_at": moment(row.occurred_at),
        "end_user_id": row.end_user_id,
        "model": row.model,
        "resolution": row.resolution,
        "seconds": row.seconds * row.sign,
        "amount_usd": usd(row.amount_microusd),
    }
