"""From a request to its answer: key, faults, idempotency, parameters, the work, errors."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from seedance_saas.simulators.stripe import ids, parameters
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, StripeError, invalid
from seedance_saas.simulators.stripe.expansion import answer
from seedance_saas.simulators.stripe.faults import CallFault
from seedance_saas.simulators.stripe.html import document
from seedance_saas.simulators.stripe.idempotency import Answer, Idempotency
from seedance_saas.simulators.stripe.registry import TIMERS, Endpoint, Page
from seedance_saas.simulators.stripe.store import to_json
from seedance_saas.simulators.stripe.version import API_VERSION
from seedance_saas.simulators.wire import ClosedUnanswered

if TYPE_CHECKING:
    from seedance_saas.simulators.stripe.simulator import StripeSimulator

logger = logging.getLogger(__name__)
FORM = "application/x-www-form-urlencoded"
FORM_WANTED = (
    "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If "
    "you have any questions, we can help at https://support.stripe.com/."
)
KEY_HELP = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, "
    "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
    "https://stripe.com/docs/api#authentication for details, or we can help at "
    "https://support.stripe.com/."
)


def api_route(simulator: StripeSimulator, endpoint: Endpoint) -> Route:
    async def respond(request: Request) -> Response:
        simulator.catch_up()
        request_id = ids.new("req_", 14)
        key = request.headers.get("idempotency-key")
        try:
            made = await _answered(simulator, endpoint, request, request_id)
        except StripeError as error:
            made = failure(error, request_id)
        except _Dropped:
            return ClosedUnanswered()
        headers = {
            "Request-Id": request_id,
            "Stripe-Version": request.headers.get("stripe-version", API_VERSION),
            **({"Idempotency-Key": key} if key else {}),
            **made.headers,
        }
        return Response(made.body, made.status, headers, media_type="application/json")

    return Route(endpoint.path, respond, methods=[endpoint.method])


class _Dropped(Exception):
    """The connection closes without an answer."""


async def _answered(
    simulator: StripeSimulator, endpoint: Endpoint, request: Request, request_id: str
) -> Answer:
    _require_key(request)
    address = _address(request)
    fault = simulator.faults.take(request.method, address)
    if fault is not None and fault.drop and not fault.after:
        raise _Dropped
    raw = await _raw(endpoint, request)
    key = request.headers.get("idempotency-key") if endpoint.method != "GET" else None
    digest = hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()
    kept = Idempotency(simulator.store, key, address, digest)
    before = kept.find(simulator.config.now_ms())
    if before is not None:
        return before
    if fault is not None and fault.status is not None and not fault.after:
        error = fault.error()
        made = failure(error, request_id)
        if error.is_kept:
            kept.keep(simulator.config.now_ms(), made, request_id)
        return made
    params = _checked(endpoint, raw)
    kept.start(simulator.config.now_ms())
    try:
        if fault is not None and fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        made = _worked(simulator, endpoint, request, params, request_id, kept, fault)
    finally:
        kept.forget_unfinished()
    if fault is not None and fault.drop:
        raise _Dropped
    return made


def _worked(
    simulator: StripeSimulator,
    endpoint: Endpoint,
    request: Request,
    params: Json,
    request_id: str,
    kept: Idempotency,
    fault: CallFault | None,
) -> Answer:
    """The work and, in the same transaction, its answer under the idempotency key."""
    now_ms = simulator.config.now_ms()
    try:
        with simulator.store.transaction():
            call = Call(
                simulator,
                simulator.now_ms(),
                path=dict(request.path_params),
                params=params,
                address=_address(request),
                request_id=request_id,
                idempotency_key=kept.key,
            )
            try:
                body = answer(call, endpoint.run(call), params.get("expand") or [])
                made = Answer(200, {}, to_json(body))
            except StripeError as error:
                if not error.keeps_work:
                    raise
                made = failure(error, request_id)
            if fault is not None and fault.status is not None:
                made = failure(fault.error(), request_id)
            kept.keep(now_ms, made, request_id)
            return made
    except StripeError as error:
        made = failure(error, request_id)
        if error.is_kept:
            kept.keep(now_ms, made, request_id)
        return made
    except Exception:
        logger.exception("%s %s broke the simulator", endpoint.method, endpoint.path)
        message = "The simulator failed; its log says how."
        return failure(StripeError(500, "api_error", message), request_id)


async def _raw(endpoint: Endpoint, request: Request) -> Json:
    content_type, body = FORM, request.scope["query_string"]
    if endpoint.method == "POST":
        content_type = request.headers.get("content-type", FORM)
        body = await request.body()
        if endpoint.path.startswith("/v1/") and content_type.startswith("application/json"):
            raise invalid(FORM_WANTED)
    try:
        return parameters.read(body, content_type)
    except parameters.InvalidParameter as error:
        raise _invalid(error) from error


def _checked(endpoint: Endpoint, raw: Json) -> Json:
    """Raises what no idempotency key keeps: the work was not begun."""
    try:
        if endpoint.params is not None:
            return parameters.check(raw, endpoint.params)
        return parameters.check(raw, "BalanceRetrieveParams")  # nothing but `expand`
    except parameters.InvalidParameter as error:
        raise _invalid(error) from error


def _invalid(error: parameters.InvalidParameter) -> StripeError:
    return invalid(error.message, param=error.param, code=error.code)


def failure(error: StripeError, request_id: str) -> Answer:
    body = error.body | {"request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}"}
    return Answer(error.status, error.headers, to_json({"error": body}))


async def unrecognized(request: Request, _: Exception) -> Response:
    """An address that Stripe does not have, or that is not played here."""
    error = invalid(
        f"Unrecognized request URL ({request.method}: {_address(request)}). Please see "
        "https://stripe.com/docs or we can help at https://support.stripe.com/."
    )
    error.status = 404
    request_id = ids.new("req_", 14)
    made = failure(error, request_id)
    headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
    return Response(made.body, made.status, headers, media_type="application/json")


def _require_key(request: Request) -> None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    key = credentials.strip() if scheme.lower() == "bearer" else ""
    if not key:
        raise StripeError(401, "invalid_request_error", KEY_HELP)
    if not key.startswith(("sk_test_", "rk_test_")):
        hidden = key[:8] + "*" * max(0, len(key) - 12) + key[-4:]
        raise StripeError(401, "invalid_request_error", f"Invalid API Key provided: {hidden}")


def _address(request: Request) -> str:
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))


def page_route(simulator: StripeSimulator, page: Page) -> Route:
    """A hosted page: what it writes is one transaction, kept unless it breaks."""

    async def respond(request: Request) -> Response:
        simulator.catch_up()
        given = await request.body() if page.method == "POST" else request.scope["query_string"]
        params = dict(parse_qsl(given.decode(errors="replace"), keep_blank_values=True))
        try:
            with simulator.store.transaction():
                call = Call(
                    simulator,
                    simulator.now_ms(),
                    path=dict(request.path_params),
                    params=params,
                    address=_address(request),
                )
                return page.run(call)
        except StripeError as error:
            text = f"<h1>This cannot be done</h1><p>{escape(str(error))}</p>"
            return HTMLResponse(document("Not possible", text), error.status)

    return Route(page.path, respond, methods=[page.method])


def control_route(simulator: StripeSimulator, control: Endpoint) -> Route:
    async def respond(request: Request) -> Response:
        simulator.catch_up()
        request_id = ids.new("req_", 14)
        try:
            body = await request.body()
            params = json.loads(body) if body else dict(request.query_params)
            if not isinstance(params, dict):
                raise invalid("The body must be a JSON object.")
            with simulator.store.transaction():
                call = Call(
                    simulator,
                    simulator.now_ms(),
                    path=dict(request.path_params),
                    params=params,
                    address=_address(request),
                )
                made = Answer(200, {}, to_json(answer(call, control.run(call), [])))
        except json.JSONDecodeError:
            made = failure(invalid("The body must be a JSON object."), request_id)
        except StripeError as error:
            made = failure(error, request_id)
        return Response(made.body, made.status, made.headers, media_type="application/json")

    return Route(control.path, respond, methods=[control.method])


def run_timer(call: Call, name: str, arguments: str) -> None:
    """A timer that breaks takes its own work back and is gone: it must not stop the clock."""
    connection = call.store.connection
    connection.execute("SAVEPOINT timer")
    try:
        TIMERS[name](call, **json.loads(arguments))
    except Exception:
        logger.exception("The timer %s %s broke", name, arguments)
        connection.execute("ROLLBACK TO timer")
    connection.execute("RELEASE timer")
