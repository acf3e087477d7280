"""What is said by mail of purchases, the saved card and invoices: their events, in words."""

from typing import Any

from django.conf import settings

from accounts.models import Event

Lines = list[tuple[str, str]]


def words(event: Event) -> dict[str, Any]:
    """Subject, sentence, lines of numbers and where to go, as the mail's template shows them."""
    say = {
        "purchase": _of_purchase,
        "auto_top_up": _of_auto_top_up,
        "invoice": _of_invoice,
    }[event.type.split(".")[0]]
    headline, sentence, lines, path = say(event.type, event.data)
    return {
        "subject": f"{headline} ({event.organization.name})",
        "headline": headline,
        "sentence": sentence,
        "lines": lines,
        "url": f"{settings.PUBLIC_URL}/{path}",
    }


def _of_purchase(type: str, data: dict[str, Any]) -> tuple[str, str, Lines, str]:
    amount, path = f"${data['amount_usd']}", f"billing/purchases/{data['id']}"
    if type == "purchase.succeeded":
        return (
            f"You bought {amount} of credits",
            "Thank you. They can be used now.",
            _paid(data),
            path,
        )
    if type == "purchase.failed":
        why = (data["failure"] or {}).get("message") or "The payment did not come through."
        return f"Your purchase of {amount} failed", f"{why} You were not charged.", [], path
    back = data["reversal"]
    lines = [
        ("Back to you" if back["object"] == "refund" else "Disputed", f"${back['amount_usd']}"),
        ("Credits withdrawn of this purchase, in all", f"${data['withdrawn_usd']}"),
    ]
    if type == "purchase.refunded":
        if back["status"] == "failed":
            said = "The money could not be sent back. The credits are yours again; we will be in touch."
            return f"A refund of ${back['amount_usd']} failed", said, lines, path
        said = "It arrives with your bank in a few days. The credits were withdrawn."
        return f"${back['amount_usd']} was refunded", said, lines, path
    headline, sentence = {
        "won": ("A dispute is over", "The money came back, and the credits are yours again."),
        "lost": ("A dispute is over", "The bank gave the money back to you."),
        "inquiry": ("Your bank asks about a payment", "Nothing has changed yet."),
    }.get(
        back["status"],
        (
            "A payment is disputed",
            "Your bank took the money back, so the credits were withdrawn until this is settled.",
        ),
    )
    return headline, sentence, lines, path


def _of_auto_top_up(type: str, data: dict[str, Any]) -> tuple[str, str, Lines, str]:
    if type == "auto_top_up.succeeded":
        amount, path = f"${data['amount_usd']}", f"billing/purchases/{data['id']}"
        return (
            f"Auto top-up: {amount} of credits",
            "Your saved card was charged.",
            _paid(data),
            path,
        )
    path = f"billing/purchases/{data['purchase']}" if "purchase" in data else "billing/auto-top-up"
    lines = [("Amount", f"${data['amount_usd']}")] if "amount_usd" in data else []
    if type == "auto_top_up.suspended":
        return "Auto top-up is suspended", str(data["message"]), lines, path
    if data["code"] == "ceiling_reached":
        lines.append(("Ceiling of a month", f"${data['ceiling_usd']}"))
        return "Auto top-up has reached its ceiling", str(data["message"]), lines, path
    lines.append(("Tried again after", f"{data['next_attempt_at'][:16].replace('T', ', ')} UTC"))
    sentence = f"{data['message']} You were not charged."
    return "Auto top-up: the card was declined", sentence, lines, path


def _of_invoice(type: str, data: dict[str, Any]) -> tuple[str, str, Lines, str]:
    number = data["number"] or "An invoice"
    lines = [
        ("Usage", f"${data['amount_usd']}"),
        ("Total, tax included", f"${data['total_usd']}"),
    ]
    if data["pay_until"]:
        lines.append(("To be paid until", data["pay_until"][:10]))
    headline, sentence = {
        "invoice.issued": (f"{number} for your usage", "It is itemised by your end users."),
        "invoice.paid": (f"{number} is paid", "Thank you. Your line is restored."),
        "invoice.overdue": (
            f"{number} is overdue",
            "Your line is closed until it is paid: new work needs prepaid credits.",
        ),
    }[type]
    return headline, sentence, lines, f"billing/invoices/{data['id']}"


def _paid(data: dict[str, Any]) -> Lines:
    lines = [("Credits", f"${data['amount_usd']}")]
    if data["bonus_usd"] != "0.0000":
        lines.append(("Bonus credits", f"${data['bonus_usd']}"))
    if data["tax_usd"] != "0.0000":
        lines.append(("Tax", f"${data['tax_usd']}"))
    lines.append(("Paid", f"${data['total_usd']}"))
    if data["card"]:
        lines.append(("With", f"{data['card']['brand'].title()} •••• {data['card']['last4']}"))
    return lines
