"""What a create writes, not yet saved: each generation on its terms, its hold, its files, its task, its event."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db import models

from accounts import webhooks
from accounts.models import ApiKey, Membership, Organization
from billing import ledger
from generations import inputs, presentation, pricing
from generations.models import Generation, Quote
from generations.requests import GenerationRequest
from generations.states import State
from seedance_saas import queue


def generation(
    organization: Organization,
    request: GenerationRequest,
    terms: pricing.Quote,
    *,
    quote: Quote | None,
    now: datetime,
    api_key: ApiKey | None,
    member: Membership | None,
    is_prepared: bool,
) -> Generation:
    """One of those that the request asks for. Files by URL are prepared first."""
    return Generation(
        organization=organization,
        api_key=api_key,
        member=member,
        created_at=now,
        model=request.model.slug,
        input=request.as_input(),
        resolution=request.resolution,
        duration_seconds=request.duration_seconds,
        end_user_id=request.end_user_id,
        metadata=request.metadata,
        webhook_url=request.webhook_url,
        quote=quote,
        rate_card=terms.rate_card,
        rule=terms.rule,
        rate_microusd_per_second=terms.rate_microusd_per_second,
        cost_microusd_per_second=terms.cost_microusd_per_second,
        held_seconds=terms.max_seconds,
        held_microusd=terms.max_cost_microusd,
        state=State.QUEUED if is_prepared else State.PREPARING,
        state_since=now,
        due_at=now if is_prepared else now + inputs.LEASE,
    )


def hold(generation: Generation) -> ledger.Wanted:
    return ledger.Wanted(
        reference=generation.reference,
        amount_microusd=generation.held_microusd,
        end_user_id=generation.end_user_id,
        member_id=generation.member_id or "",
        api_key_id=generation.api_key_id or "",
    )


def rows_beside(
    generations: Sequence[Generation], given: Iterable[inputs.Given]
) -> Iterator[models.Model]:
    """Their files, the task of the first step, and the word for the tenant."""
    for one in generations:
        yield from inputs.rows_for(one, given)
        if one.state == State.PREPARING:
            yield queue.row("generations.tasks.prepare", one.id)
        yield webhooks.unsaved(one.organization, "generation.queued", presentation.as_dict(one))
    if generations[0].state == State.QUEUED:
        yield queue.row("generations.tasks.dispatch_queued")  # one finds them all
