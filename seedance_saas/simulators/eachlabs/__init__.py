"""EachLabs, https://api.eachlabs.ai, as its documents of May to September 2026 describe it.

Sources: the Seedance 2.0 model pages (dialect A), the API reference, its OpenAPI file and changelog
(dialect B). Where they disagree the answer is a superset, or one of them with `dialect` A or B.
"""

from starlette.applications import Starlette
from starlette.middleware import Middleware

from seedance_saas.simulators.eachlabs import history, predictions, storage
from seedance_saas.simulators.eachlabs.answers import Refusal, RequestId, refusal_handler
from seedance_saas.simulators.eachlabs.messages import UPSTREAM, webhook_composer
from seedance_saas.simulators.world import World

__all__ = ["UPSTREAM", "create_app", "webhook_composer"]


def create_app(world: World) -> Starlette:
    refused = refusal_handler(world.config)
    app = Starlette(
        routes=[*predictions.routes(world), *history.routes(world), *storage.routes(world)],
        middleware=[Middleware(RequestId)],
        exception_handlers={Refusal: refused, 404: refused, 405: refused},
    )
    # A redirect would turn a POST with a trailing slash into a GET.
    app.router.redirect_slashes = False
    return app
