"""The rows of the product: what was asked for and each try upstream, and what it costs."""

from generations.models.catalog import ModelSchema
from generations.models.files import StoragePolicy, StoredFile, Thumbnail, Upload
from generations.models.generation import Attempt, Generation, InputFile, Move, ProviderEvent
from generations.models.prices import (
    NegativeMargin,
    PlanMargin,
    Quote,
    RateAgreement,
    RateCard,
    RateRule,
)

__all__ = [
    "Attempt",
    "Generation",
    "InputFile",
    "ModelSchema",
    "Move",
    "NegativeMargin",
    "PlanMargin",
    "ProviderEvent",
    "Quote",
    "RateAgreement",
    "RateCard",
    "RateRule",
    "StoragePolicy",
    "StoredFile",
    "Thumbnail",
    "Upload",
]
