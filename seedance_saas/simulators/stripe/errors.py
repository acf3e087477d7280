"""Stripe's errors: one exception, and a function for each common kind."""

from typing import Any

Json = dict[str, Any]


class StripeError(Exception):
    """An error answer. `keeps_work`: what was written before it stays (a declined payment is there).

    `is_kept`: an idempotency key gives this answer again.
    """

    def __init__(
        self,
        status: int,
        type: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        keeps_work: bool = False,
        is_kept: bool = True,
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "type": type}
        if code is not None:
            self.body["code"] = code
            self.body["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.body["param"] = param
        self.body |= extra
        self.keeps_work = keeps_work
        self.is_kept = is_kept
        self.headers = headers or {}


def invalid(
    message: str, *, param: str | None = None, code: str | None = None, **extra: Any
) -> StripeError:
    """400: what was asked for cannot be done."""
    return StripeError(400, "invalid_request_error", message, param=param, code=code, **extra)


def missing_parameter(param: str) -> StripeError:
    return StripeError(
        400,
        "invalid_request_error",
        f"Missing required param: {param}.",
        code="parameter_missing",
        param=param,
        is_kept=False,
    )


def no_such(noun: str, id: str, *, param: str | None = None) -> StripeError:
    """404 for an id of the address (`param` None), 400 for one that a parameter names."""
    return StripeError(
        404 if param is None else 400,
        "invalid_request_error",
        f"No such {noun}: '{id}'",
        code="resource_missing",
        param=param or "id",
    )


def declined(code: str, message: str, *, decline_code: str | None, **extra: Any) -> StripeError:
    """402: the card was declined before there was a payment; see `payments.decline_error` for one."""
    if decline_code is not None:
        extra["decline_code"] = decline_code
    return StripeError(402, "card_error", message, code=code, **extra)
