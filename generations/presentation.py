"""A generation as its organization sees it, in the API's words. The pages show no number that is not here."""

from typing import Any

from generations import catalog, dispatch, failure_policy, media, offers, pricing, queue_position
from generations.allowances import Allowance
from generations.models import Generation
from generations.states import State, public
from seedance_saas.api import moment, usd


def as_dict(generation: Generation, *, with_queue: bool = False) -> dict[str, Any]:
    """The JSON of a generation. `with_queue` looks up its place in the queue, which costs queries."""
    return {
        "id": generation.id,
        "object": "generation",
        "status": public(generation.state),
        "model": generation.model,
        "input": generation.input,
        "end_user_id": generation.end_user_id or None,
        "metadata": generation.metadata,
        "queue": _queue(generation) if with_queue else None,
        "price": {
            "quote_id": generation.quote_id,
            "rate_card": generation.rate_card,
            "rule": generation.rule,
            "rate_usd_per_second": usd(generation.rate_microusd_per_second),
            "max_seconds": generation.held_seconds,
            "held_usd": usd(0 if generation.is_final else generation.held_microusd),
            "billed_seconds": generation.billed_seconds,
            "charged_usd": (
                None if generation.charged_microusd is None else usd(generation.charged_microusd)
            ),
        },
        "output": _output(generation),
        "failure": failure_policy.as_dict(generation),
        "cancel_requested": generation.cancel_requested_at is not None,
        "created_at": moment(generation.created_at),
        "started_at": moment(generation.started_at),
        "finished_at": moment(generation.finished_at),
    }


def _queue(generation: Generation) -> dict[str, Any] | None:
    """`waits_for` is "concurrency" while as many of the key, or of the member, run as may at a time."""
    place = queue_position.of(generation)
    if place is None:
        return None
    share = dispatch.share_of(generation) if generation.state == State.QUEUED else None
    return {
        "position": place.position,
        "eta_seconds": place.eta_seconds,
        "waits_for": "concurrency" if share and share.is_full else None,
    }


def _output(generation: Generation) -> dict[str, Any] | None:
    if generation.video_milliseconds is None:
        return None
    whole, milliseconds = divmod(generation.video_milliseconds, 1000)
    return {
        "video_url": media.absolute(media.video_url(generation)),
        "poster_url": media.absolute(media.poster_url(generation)),
        "content_type": "video/mp4",
        "bytes": generation.video_bytes,
        "duration_seconds": whole + milliseconds / 1000,
        "width": generation.video_width,
        "height": generation.video_height,
        "preview_url": media.absolute(media.preview_url(generation)),
        "url_expires_at": moment(media.output_urls_expire_at(generation)),
        "files_expire_at": moment(generation.files_expire_at),
    }


def model_as_dict(
    model: catalog.Model, card: pricing.RateCard, allowance: Allowance
) -> dict[str, Any]:
    """What a model accepts, what it costs by `card`, and what of it who asks may use.

    What the card does not price is not shown.
    """
    offer = offers.of(model)
    refusal = allowance.refusal(model)
    return {
        "id": model.slug,
        "object": "model",
        "title": model.title,
        "aliases": list(model.aliases),
        "typical_seconds": model.typical_seconds,
        "options": _options(offer),
        "allowed": {
            "model": refusal is None,
            "resolution": list(allowance.resolutions(model)),
            "because": refusal.message if refusal else None,
        },
        "rates": [
            {
                "resolution": resolution,
                "rate_card": card.version,
                "rule": rule.name,
                "rate_usd_per_second": usd(rule.rate_microusd_per_second),
            }
            for resolution in offer.resolutions
            for rule in card.rules_for(model, resolution)[:1]
        ],
        "input_schema": input_schema(model),
    }


def _options(offer: offers.Offer) -> dict[str, list[Any]]:
    return {
        "resolution": list(offer.resolutions),
        "duration": ["auto", *offer.seconds],
        "aspect_ratio": list(catalog.ASPECT_RATIOS),
    }


def input_schema(model: catalog.Model) -> dict[str, Any]:
    """The JSON Schema of what is the model's own in a request, as it is sold now."""
    offer = offers.of(model)
    options = _options(offer)
    url = {"type": "string", "format": "uri"}
    lists = {
        "image_urls": catalog.IMAGES_MAX,
        "video_urls": catalog.VIDEOS_MAX,
        "audio_urls": catalog.AUDIOS_MAX,
    }
    properties: dict[str, Any] = {
        "prompt": {"type": "string", "maxLength": catalog.PROMPT_LENGTH_MAX},
        "resolution": {
            "enum": options["resolution"],
            "default": offer.resolution_default,
        },
        "duration": {"enum": options["duration"], "default": "auto"},
        "aspect_ratio": {"enum": options["aspect_ratio"], "default": "auto"},
        "generate_audio": {"type": "boolean", "default": True},
        "seed": {"type": "integer", "minimum": 0, "maximum": catalog.SEED_MAX},
    }
    for name in model.fields:
        properties[name] = (
            {"type": "array", "items": url, "maxItems": lists[name]} if name in lists else url
        )
    required = ["prompt", *(["image_url"] if "image_url" in model.fields else [])]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
