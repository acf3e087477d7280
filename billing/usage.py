"""What was used and charged, one row per settled reference, written in the settling transaction."""

from billing.models import Hold, UsageRecord


def record(hold: Hold, *, seconds: int, labels: dict[str, str]) -> None:
    """Note what a captured hold was for. A repeat changes nothing."""
    assert hold.captured_microusd is not None, hold.reference
    assert hold.resolved_at is not None, hold.reference
    UsageRecord.objects.get_or_create(
        reference=hold.reference,
        defaults={
            "organization_id": hold.organization_id,
            "seconds": seconds,
            "amount_microusd": hold.captured_microusd,
            "end_user_id": hold.end_user_id,
            "member_id": hold.member_id,
            "api_key_id": hold.api_key_id,
            "labels": labels,
            "held_at": hold.created_at,
            "settled_at": hold.resolved_at,
        },
    )
