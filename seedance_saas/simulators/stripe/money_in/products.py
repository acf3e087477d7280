"""Products."""

from seedance_saas.simulators.stripe import ids, metadata
from seedance_saas.simulators.stripe.call import Call
from seedance_saas.simulators.stripe.errors import Json, StripeError, invalid
from seedance_saas.simulators.stripe.registry import endpoint

PLAIN = (
    *("active", "description", "images", "marketing_features", "name", "package_dimensions"),
    *("shippable", "statement_descriptor", "tax_code", "tax_details", "unit_label", "url"),
    *("default_price", "type"),
)
LISTS = {"images", "marketing_features"}


def new(call: Call, **values: object) -> Json:
    """A product with Stripe's defaults; not yet written."""
    return {
        "id": ids.new("prod_", 14),
        "object": "product",
        "active": True,
        "created": call.now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": "",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "tax_details": None,
        "type": "service",
        "unit_label": None,
        "updated": call.now,
        "url": None,
    } | values


@endpoint("POST", "/v1/products", "ProductCreateParams")
def create(call: Call) -> Json:
    given = call.params
    if "default_price_data" in given:
        raise invalid(
            "Make the price by /v1/prices; this is not played.", param="default_price_data"
        )
    product = new(call)
    if "id" in given:
        if call.store.get(given["id"]) is not None:
            raise StripeError(
                400,
                "invalid_request_error",
                f"Product already exists: {given['id']}",
                code="resource_already_exists",
                param="id",
            )
        product["id"] = given["id"]
    _apply(call, product)
    return call.save(product, "product.created")


def _apply(call: Call, product: Json) -> None:
    for name in PLAIN:
        if name in call.params:
            value = call.params[name]
            if value == "":
                value = [] if name in LISTS else None
            product[name] = value
    product["metadata"] = metadata.merged(product["metadata"], call.params.get("metadata"))


@endpoint("GET", "/v1/products", "ProductListParams")
def list_all(call: Call) -> Json:
    names = ("active", "shippable", "type", "url")
    where = {name: call.params.get(name) for name in names}
    return call.page("product", where | {"id": call.params.get("ids")})


@endpoint("GET", "/v1/products/{id}", "ProductRetrieveParams")
def retrieve(call: Call) -> Json:
    return call.get("product", call.path["id"])


@endpoint("POST", "/v1/products/{id}", "ProductUpdateParams")
def update(call: Call) -> Json:
    product = call.get("product", call.path["id"])
    if "default_price" in call.params:
        call.get("price", call.params["default_price"], param="default_price")
    _apply(call, product)
    product["updated"] = call.now
    return call.save(product, "product.updated")


@endpoint("DELETE", "/v1/products/{id}", "ProductDeleteParams")
def delete(call: Call) -> Json:
    product = call.get("product", call.path["id"])
    if call.store.select("price", {"product": product["id"]}, limit=1):
        raise invalid(
            "This product cannot be deleted because it has one or more user-created prices.",
        )
    call.save(product | {"_deleted": True}, "product.deleted")
    return {"id": product["id"], "object": "product", "deleted": True}
