"""Reads a request for a generation into its canonical form. Every fault names the field and what is allowed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts import webhook_endpoints
from generations import catalog, mentions, offers, request_files
from seedance_saas.api import microusd, require_known
from seedance_saas.errors import InvalidRequest

GENERATIONS_MAX = 4
END_USER_ID_LENGTH_MAX = 255
QUOTE_ID_LENGTH_MAX = 255
METADATA_KEYS_MAX, METADATA_KEY_LENGTH_MAX, METADATA_VALUE_LENGTH_MAX = 50, 40, 500

FIELDS = (
    "model", "prompt", "image_url", "end_image_url", "image_urls", "video_urls", "audio_urls",
    "resolution", "duration", "aspect_ratio", "generate_audio", "seed", "end_user_id", "metadata",
    "max_cost_usd", "num_generations", "quote_id", "webhook_url",
)  # fmt: skip


@dataclass(frozen=True)
class GenerationRequest:
    """A request as we understood it, defaults filled in. `duration_seconds` None is `auto`."""

    model: catalog.Model
    prompt: str
    resolution: str = catalog.RESOLUTION_DEFAULT
    duration_seconds: int | None = None
    aspect_ratio: str = "auto"
    generate_audio: bool = True
    seed: int | None = None
    files: dict[str, list[str]] = field(default_factory=dict)  # field name -> URLs, as given
    inline: dict[str, bytes] = field(default_factory=dict)  # a data URI, shortened -> its content
    end_user_id: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    max_cost_microusd: int | None = None
    num_generations: int = 1
    quote_id: str = ""
    webhook_url: str = ""  # told of the end of each generation

    def as_input(self) -> dict[str, Any]:
        """The canonical input as the API shows it: only what the model takes, nothing left to guess."""
        shown: dict[str, Any] = {
            "prompt": self.prompt,
            "resolution": self.resolution,
            "duration": self.duration_seconds or "auto",
            "aspect_ratio": self.aspect_ratio,
            "generate_audio": self.generate_audio,
            "seed": self.seed,
        }
        for name in self.model.fields:
            urls = self.files.get(name, [])
            shown[name] = urls if name.endswith("s") else (urls[0] if urls else None)
        return shown


def read(body: Mapping[str, Any]) -> GenerationRequest:
    """Raises UnknownField or InvalidRequest, each with `param` and what is allowed."""
    require_known(body, FIELDS)
    model = _model(body.get("model"))
    inline: dict[str, bytes] = {}
    files = request_files.read(model, body, inline)
    prompt = _prompt(body.get("prompt"), files)
    return GenerationRequest(
        model=model,
        prompt=prompt,
        resolution=_resolution(model, body.get("resolution")),
        duration_seconds=_duration(model, body.get("duration")),
        aspect_ratio=_one_of(
            "aspect_ratio", body.get("aspect_ratio"), catalog.ASPECT_RATIOS, "auto"
        ),
        generate_audio=_boolean("generate_audio", body.get("generate_audio"), default=True),
        seed=_whole_number("seed", body.get("seed"), 0, catalog.SEED_MAX),
        files=files,
        inline=inline,
        end_user_id=_text("end_user_id", body.get("end_user_id"), END_USER_ID_LENGTH_MAX),
        metadata=_metadata(body.get("metadata")),
        max_cost_microusd=(
            None
            if body.get("max_cost_usd") is None
            else microusd(body["max_cost_usd"], param="max_cost_usd")
        ),
        num_generations=_whole_number(
            "num_generations", body.get("num_generations"), 1, GENERATIONS_MAX
        )
        or 1,
        quote_id=_text("quote_id", body.get("quote_id"), QUOTE_ID_LENGTH_MAX),
        webhook_url=_webhook_url(body.get("webhook_url")),
    )


def _webhook_url(url: Any) -> str:
    return "" if url in (None, "") else webhook_endpoints.check_url(url, param="webhook_url")


def _model(name: Any) -> catalog.Model:
    slugs = [model.slug for model in catalog.MODELS]
    if name is None:
        raise InvalidRequest("model is required.", param="model", allowed=slugs)
    model = catalog.find(name) if isinstance(name, str) else None
    if model is None:
        raise InvalidRequest(
            f"model must be one of: {', '.join(slugs)}.", param="model", allowed=slugs
        )
    return model


def _prompt(prompt: Any, files: dict[str, list[str]]) -> str:
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidRequest("prompt is required: say what the video shows.", param="prompt")
    if len(prompt) > catalog.PROMPT_LENGTH_MAX:
        raise InvalidRequest(
            f"prompt has {len(prompt):,} characters; {catalog.PROMPT_LENGTH_MAX:,} are allowed.",
            param="prompt",
            length_max=catalog.PROMPT_LENGTH_MAX,
        )
    given = {
        kind: sum(len(files.get(name, [])) for name in fields)
        for kind, fields in mentions.OURS.items()
    }
    for kind, number in mentions.of(prompt):
        if not 1 <= number <= given[kind]:
            raise InvalidRequest(
                f"The prompt mentions @{kind}{number}, but {_so_many(given[kind], kind)} given.",
                param="prompt",
                mention=f"@{kind}{number}",
                given=given[kind],
            )
    return prompt


def _so_many(number: int, kind: str) -> str:
    """ "no image is", "1 image is", "2 images are"."""
    if number > 1:
        return f"{number} {kind.lower()}s are"
    return f"{number or 'no'} {kind.lower()} is"


def _resolution(model: catalog.Model, resolution: Any) -> str:
    offer = offers.of(model)
    if not offer.resolutions:
        raise InvalidRequest(
            f"{model.slug} is not offered now: the provider does not list it.", param="model"
        )
    if resolution == "1080p" and "1080p" not in offer.resolutions:
        # It has a price, but the provider's published options do not list it.
        raise InvalidRequest(
            f"resolution 1080p is not offered for {model.slug} yet: the provider does not list it. "
            f"Use one of: {', '.join(offer.resolutions)}.",
            param="resolution",
            allowed=list(offer.resolutions),
        )
    return _one_of("resolution", resolution, offer.resolutions, offer.resolution_default)


def _duration(model: catalog.Model, duration: Any) -> int | None:
    if duration is None or duration == "auto":
        return None
    seconds = offers.of(model).seconds
    problem = InvalidRequest(
        f'duration must be "auto" or a whole number of seconds from {seconds[0]} to {seconds[-1]}.',
        param="duration",
        allowed=["auto", *seconds],
    )
    if isinstance(duration, str) and re.fullmatch(r"[0-9]{1,2}", duration):
        duration = int(duration)
    if isinstance(duration, bool) or not isinstance(duration, int):
        raise problem
    if duration not in seconds:
        raise problem
    return duration


def _one_of(name: str, value: Any, allowed: tuple[str, ...], default: str) -> str:
    if value is None:
        return default
    if not isinstance(value, str) or value not in allowed:
        raise InvalidRequest(
            f"{name} must be one of: {', '.join(allowed)}.", param=name, allowed=list(allowed)
        )
    return value


def _boolean(name: str, value: Any, *, default: bool) -> bool:
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} must be true or false.", param=name, allowed=[True, False])
    return value


def _whole_number(name: str, value: Any, at_least: int, at_most: int) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= at_most:
        raise InvalidRequest(
            f"{name} must be a whole number from {at_least} to {at_most}.",
            param=name,
            at_least=at_least,
            at_most=at_most,
        )
    return value


def _text(name: str, value: Any, length_max: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not 1 <= len(value) <= length_max:
        raise InvalidRequest(
            f"{name} must be a text of 1 to {length_max} characters.",
            param=name,
            length_max=length_max,
        )
    return value


def _metadata(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    fits = isinstance(value, dict) and len(value) <= METADATA_KEYS_MAX
    if not fits or not all(
        isinstance(text, str)
        and 1 <= len(key) <= METADATA_KEY_LENGTH_MAX
        and len(text) <= METADATA_VALUE_LENGTH_MAX
        for key, text in value.items()
    ):
        raise InvalidRequest(
            f"metadata must be an object of at most {METADATA_KEYS_MAX} texts, each of at most "
            f"{METADATA_VALUE_LENGTH_MAX} characters under a key of at most {METADATA_KEY_LENGTH_MAX}.",
            param="metadata",
        )
    return dict(value)
