"""What is said of money by mail: the events of `alerts` in words; those of purchases are in `purchase_mails`."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from accounts import mails, roles
from accounts.models import ApiKey, Event, Membership, Organization
from billing import purchase_mails
from billing.models import Budget


def compose(event_id: str) -> list[EmailMultiAlternatives]:
    """To owners, admins and billing members. Of a closed one nobody need know that its credits are gone."""
    event = Event.objects.select_related("organization").filter(pk=event_id).first()
    if event is None:
        return []
    if event.organization.closed_at and event.type.startswith("balance."):
        return []
    is_of_stripe = event.type.startswith(("purchase.", "auto_top_up.", "invoice."))
    said = purchase_mails.words(event) if is_of_stripe else words(event)
    return mails.to_roles(event.organization, roles.READERS_OF_MONEY, "alert", said)


def words(event: Event) -> dict[str, Any]:
    """Subject, sentence, lines of numbers and where to go, for an event of the balance or of a budget."""
    data = event.data
    if event.type.startswith("balance."):
        subject, sentence = {
            "balance.low": (
                "Credits run low",
                f"Less than ${data['threshold_usd']} is available.",
            ),
            "balance.exhausted": (
                "Credits are used up",
                "What is available pays for no video any more: new requests are refused.",
            ),
            "balance.recovered": ("Credits are back", "New requests are accepted again."),
        }[event.type]
        lines = [("Available", f"${data['available_usd']}"), ("Held", f"${data['held_usd']}")]
        if data["debt_usd"] != "0.0000":
            lines.append(("Debt", f"${data['debt_usd']}"))
        page = "billing"
    else:
        whose = _whose(event.organization, data)
        subject, sentence = (
            f"The budget of {whose} is used up",
            "Nothing more fits: new requests under it are refused.",
        )
        if event.type == "budget.threshold":
            subject = f"{data['percent']}% of the budget of {whose} is used"
            sentence = "Spent and held count. Nothing is refused yet."
        lines = [
            ("Limit", f"${data['limit_usd']} {_each(data['period'])}"),
            ("Spent", f"${data['spent_usd']}"),
            ("Held", f"${data['held_usd']}"),
            ("Left", f"${data['left_usd']}"),
        ]
        if data["resets_at"]:
            lines.append(("Resets", f"{data['resets_at'][:10]}, 00:00 UTC"))
        page = "budgets"
    return {
        "subject": f"{subject} ({event.organization.name})",
        "headline": subject,
        "sentence": sentence,
        "lines": lines,
        "url": f"{settings.PUBLIC_URL}/{page}",
    }


def _whose(organization: Organization, data: dict[str, Any]) -> str:
    scope, id = data["scope"], data["id"]
    if scope == Budget.Scope.ORGANIZATION:
        return organization.name
    if scope == Budget.Scope.MEMBER:
        member = (
            Membership.objects.filter(organization=organization, pk=id)
            .select_related("user")
            .first()
        )
        return str(member.user) if member else "a former member"
    if scope == Budget.Scope.API_KEY:
        key = ApiKey.objects.filter(organization=organization, pk=id).first()
        return f"the key {key.name}" if key else "a former key"
    return f"the end user {id}"


def _each(period: str) -> str:
    return "in all" if period == Budget.Period.LIFETIME else f"a {period}"
