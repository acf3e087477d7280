"""Why the product says no, and why a generation ends without a video."""

from dataclasses import dataclass

from seedance_saas.errors import Conflict, Forbidden, InvalidRequest, Refusal


class NoRate(InvalidRequest):
    """Nothing on the rate card matches: never a price of zero."""

    code = "no_rate"


class NotEnoughNotice(InvalidRequest):
    """Prices begin later than now, so that every process knows them when they do."""

    code = "not_enough_notice"


class AlreadyPublished(Conflict):
    """What is published never changes: a change is a new version."""

    code = "already_published"


class DraftReplaced(Conflict):
    """Another draft took the place of the one that was looked at."""

    code = "draft_replaced"


class QuoteMismatch(Conflict):
    """The request is not the one that was quoted."""

    code = "quote_mismatch"


class QuoteExpired(Conflict):
    """The quote binds no more; ask for a new one."""

    code = "quote_expired"


class ModelNotAllowed(Forbidden):
    """The organization, the member's role or the key may not use the model."""

    code = "model_not_allowed"


class ResolutionNotAllowed(Forbidden):
    """The organization, the member's role or the key may not use the resolution."""

    code = "resolution_not_allowed"


class MaxCostExceeded(Refusal):
    """The request may cost more than the caller said it may."""

    code, status = "max_cost_exceeded", 402


class TooLateToCancel(Conflict):
    """The provider will not stop it any more."""

    code = "too_late_to_cancel"


class ProviderNotReached(Refusal):
    """The provider could not be asked; the wish to cancel stands and is tried again."""

    code, status, retryable = "provider_unavailable", 503, True


class NotFinal(Conflict):
    """It still runs; this is for what has ended."""

    code = "not_final"


@dataclass(frozen=True)
class Failure:
    """What a failure code means. `message` is for the customer; `retryable`: the same may work later."""

    message: str
    retryable: bool
    charged: bool = False


# The failure policy: nothing that fails is charged. The docs, the receipt and the API read it here.
FAILURES: dict[str, Failure] = {
    "content_refused": Failure(
        "The provider's content check refused the prompt, an input or the result.", False
    ),
    "invalid_input": Failure("The provider could not use the input.", False),
    "input_unavailable": Failure("An input file could not be fetched.", True),
    "unsupported_media": Failure("An input file is not of a type that the model takes.", False),
    "media_too_large": Failure("An input file is too large.", False),
    "media_too_long": Failure("An input file is too long.", False),
    "media_too_short": Failure("The videos are too short.", False),
    "media_wrong_size": Failure("An input file has too few or too many pixels.", False),
    "provider_failed": Failure("The provider failed to make the video.", True),
    "provider_timeout": Failure("The provider did not finish in time.", True),
    "provider_lost": Failure("The provider does not know the job any more.", True),
    "provider_unavailable": Failure("No provider took the job in time.", True),
    "provider_canceled": Failure("The provider canceled the job.", True),
    "output_unusable": Failure("What the provider delivered is not the video asked for.", True),
    "internal_error": Failure("Something went wrong on our side.", True),
}
