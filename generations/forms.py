"""The form of the playground: fields for people, read by the same function that reads the API's body."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from generations import catalog, offers, pricing, requests
from generations.models import Generation
from generations.request_files import INLINE
from generations.requests import GenerationRequest
from seedance_saas.api import usd
from seedance_saas.errors import Refusal

TOKEN = re.compile(r"[0-9a-f]{32}")
QUOTE_ID = re.compile(r"quo_[0-9a-f]{32}")
COUNTS = range(1, requests.GENERATIONS_MAX + 1)
FILE_LISTS = ("image_urls", "video_urls", "audio_urls")
NAMES = {  # how a refusal calls a field, and how the page does
    "prompt": "The prompt",
    "image_url": "The first frame",
    "end_image_url": "The last frame",
    "image_urls": "Every image",
    "video_urls": "Every video",
    "audio_urls": "Every sound",
    "seed": "The seed",
    "end_user_id": "The end user",
    "num_generations": "How many",
}
SAID = {  # a field within a sentence, where its own name would not do
    "image_url": "first frame",
    "end_image_url": "last frame",
    "image_urls": "images",
    "video_urls": "videos",
    "audio_urls": "sounds",
    "aspect_ratio": "aspect ratio",
    "generate_audio": "sound",
    "end_user_id": "end user",
    "num_generations": "number of videos",
}


def said(names: list[str]) -> str:
    """Fields in a sentence: "the prompt", "the duration and the prompt"."""
    words = [f"the {SAID.get(name, name)}" for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def new_token() -> str:
    return secrets.token_hex(16)


class CreateForm(forms.Form):
    """What is typed into Create. `request` reads it; the refusal's words stand beside the field it names."""

    use_required_attribute = False
    token = forms.CharField(required=False, widget=forms.HiddenInput)
    quote_id = forms.CharField(required=False, widget=forms.HiddenInput)
    family = forms.ChoiceField(
        label="Start from",
        choices=[("text", "Text"), ("image", "Image"), ("reference", "Reference")],
        widget=forms.RadioSelect,
    )
    tier = forms.ChoiceField(
        label="Model",
        choices=[("standard", "Standard"), ("fast", "Fast")],
        widget=forms.RadioSelect,
    )
    prompt = forms.CharField(required=False, strip=False)
    image_url = forms.CharField(label="First frame", required=False)
    end_image_url = forms.CharField(label="Last frame", required=False)
    image_urls = forms.CharField(label="Images", required=False)
    video_urls = forms.CharField(label="Videos", required=False)
    audio_urls = forms.CharField(label="Sounds", required=False)
    sent_files = forms.CharField(required=False)  # what is wrong with those that were sent
    duration = forms.CharField(required=False)
    resolution = forms.CharField(required=False)
    aspect_ratio = forms.CharField(required=False)
    generate_audio = forms.BooleanField(required=False)
    seed = forms.CharField(required=False)
    end_user_id = forms.CharField(label="End user", required=False)
    num_generations = forms.CharField(required=False)
    model_shown = forms.CharField(required=False, widget=forms.HiddenInput)  # see form_changes.fit
    aside = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def typed(self) -> Mapping[str, Any]:
        """What stands in the fields, sent or not. The values are as they were typed."""
        return {name: self[name].value() for name in self.fields}

    @property
    def model(self) -> catalog.Model:
        typed = self.typed
        return next(
            (m for m in catalog.MODELS if (m.family, m.tier) == (typed["family"], typed["tier"])),
            catalog.MODELS[0],
        )

    def body(self) -> dict[str, Any]:
        """The API's body of what was typed: the fields that this model takes, nothing left to guess."""
        typed = self.typed
        body: dict[str, Any] = {"model": self.model.slug, "prompt": _lines(typed["prompt"])}
        for name in self.model.fields:
            text = (typed[name] or "").strip()
            value = text.split() if name in FILE_LISTS else text
            if value:
                body[name] = value
        duration = typed["duration"] or "auto"
        body["resolution"] = typed["resolution"] or catalog.RESOLUTION_DEFAULT
        body["duration"] = int(duration) if re.fullmatch("[0-9]{1,2}", duration) else duration
        if (ratio := typed["aspect_ratio"] or "auto") != "auto":
            body["aspect_ratio"] = ratio
        if not typed["generate_audio"]:
            body["generate_audio"] = False
        if seed := (typed["seed"] or "").strip():
            body["seed"] = int(seed) if re.fullmatch("[0-9]{1,10}", seed) else seed
        if end_user_id := (typed["end_user_id"] or "").strip():
            body["end_user_id"] = end_user_id
        if (count := typed["num_generations"] or "1") != "1":
            body["num_generations"] = int(count) if re.fullmatch("[0-9]{1,2}", count) else count
        return body

    @property
    def count(self) -> int:
        """How many videos are asked for; 1 while that says nothing that can be made."""
        typed = self.typed["num_generations"] or ""
        return int(typed) if typed in map(str, COUNTS) else 1

    def body_with_ceiling(self, terms: pricing.Quote | None) -> dict[str, Any]:
        """The same with the shown price as the most it may cost."""
        ceiling = {"max_cost_usd": usd(terms.max_cost_microusd * self.count)} if terms else {}
        return self.body() | ceiling

    @property
    def held_quote(self) -> str:
        """The quote that holds the price of what was typed; empty when none does."""
        typed = self.typed["quote_id"] or ""
        return typed if QUOTE_ID.fullmatch(typed) else ""

    def priced(self) -> GenerationRequest | None:
        """What a price depends on, prompt or no prompt; None while it says nothing that has one."""
        body = self.body()
        offer = offers.of(self.model)
        if body["resolution"] not in offer.resolutions:
            return None
        if body["duration"] not in ("auto", *offer.seconds):
            return None
        return GenerationRequest(
            model=self.model,
            prompt="",
            resolution=body["resolution"],
            duration_seconds=None if body["duration"] == "auto" else body["duration"],
        )

    def request(self, *, with_quote: bool = True) -> GenerationRequest | None:
        """None when the fields say nothing that can be made; then `errors` tells which and why."""
        if not self.is_valid():
            return None
        if not TOKEN.fullmatch(self.cleaned_data["token"]):
            self.add_error(None, "This form is too old. Press Generate again.")
            return None
        try:
            return self.read(with_quote=with_quote)
        except Refusal as refusal:
            self.explain(refusal)
            return None

    def read(self, *, with_quote: bool) -> GenerationRequest:
        """What was typed as the API would read it, with the quote that it names. Raises InvalidRequest."""
        quote = {"quote_id": self.held_quote} if with_quote and self.held_quote else {}
        return requests.read(self.body() | quote)

    def explain(self, refusal: Refusal) -> None:
        """Put a refusal beside the field that it names."""
        field = refusal.param if refusal.param in self.fields else None
        message = refusal.message
        if field in NAMES and message.startswith(f"{field} has"):
            message = "That is" + message[len(f"{field} has") :]
        elif field in NAMES and message.startswith(field):
            message = NAMES[field] + message[len(field) :]
        self.add_error(field, message)

    def renewed(self, *, quote_id: str | None = None) -> "CreateForm":
        """The same, typed text and all, under a new one-time token; with another quote if one is given."""
        data = QueryDict(mutable=True)
        data.update(self.data)
        data["token"] = new_token()
        if quote_id is not None:
            data["quote_id"] = quote_id
        fresh = CreateForm(data)
        fresh._errors = self.errors  # type: ignore[attr-defined]
        return fresh


def _lines(text: str | None) -> str:
    """Browsers send line ends as two characters; nobody typed the first one."""
    return (text or "").replace("\r\n", "\n")


def empty(**typed: Any) -> CreateForm:
    """A form as it stands before anybody typed, with some of it filled in."""
    start = {
        "token": new_token(),
        "family": "text",
        "tier": "fast",
        "duration": "auto",
        "resolution": catalog.RESOLUTION_DEFAULT,
        "aspect_ratio": "auto",
        "generate_audio": True,
        "num_generations": "1",
    }
    return CreateForm(initial=start | typed)


def _kept(values: list[str]) -> list[str]:
    """Without what came inside the request itself: it must be given again."""
    return [value for value in values if not value.startswith(INLINE)]


def again(generation: Generation, *, count: int = 1) -> CreateForm:
    """The settings of a generation, to be used again, `count` times. What was erased stays empty."""
    model = catalog.find(generation.model) or catalog.MODELS[0]
    given = generation.input
    typed = {
        name: "\n".join(_kept(given.get(name) or []))
        if name in FILE_LISTS
        else "".join(_kept([given.get(name) or ""]))
        for name in (*model.fields, "prompt")
    }
    return empty(
        family=model.family.value,
        tier=model.tier.value,
        duration=str(generation.duration_seconds or "auto"),
        resolution=generation.resolution,
        aspect_ratio=given.get("aspect_ratio") or "auto",
        generate_audio=given.get("generate_audio", True),
        seed="" if given.get("seed") is None else str(given["seed"]),
        end_user_id=generation.end_user_id,
        num_generations=str(count),
        **typed,
    )
