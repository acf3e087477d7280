"""The shapes of the API's JSON, by name. A test holds them against what the API really answers."""

from typing import Any

from accounts import webhooks
from billing.models import Budget, Transfer
from generations import catalog, presentation, states
from generations.model_pages import FIELD_WORDS
from generations.requests import (
    FIELDS,
    GENERATIONS_MAX,
    METADATA_KEYS_MAX,
    METADATA_VALUE_LENGTH_MAX,
)

Schema = dict[str, Any]


def text(words: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": words} if words else {}), **more}


def number(words: str = "", **more: Any) -> Schema:
    return {"type": "integer", **({"description": words} if words else {}), **more}


def boolean(words: str = "", **more: Any) -> Schema:
    return {"type": "boolean", **({"description": words} if words else {}), **more}


def one_of(names: Any, words: str = "", **more: Any) -> Schema:
    return text(words, enum=list(names), **more)


def usd(words: str = "") -> Schema:
    return text(words, pattern=r"^-?[0-9]+\.[0-9]{4,6}$", examples=["1.4514"])


def moment(words: str = "") -> Schema:
    return text(words, format="date-time")


def url(words: str = "") -> Schema:
    return text(words, format="uri")


def of(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def many(item: Schema, words: str = "", **more: Any) -> Schema:
    return {"type": "array", "items": item, **({"description": words} if words else {}), **more}


def maybe(schema: Schema) -> Schema:
    """Null, too."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "enum" in schema:
        schema = schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]}


def an_object(words: str = "", optional: tuple[str, ...] = (), /, **fields: Schema) -> Schema:
    """Every field is always there but the optional ones. More may be there one day: a client must not mind."""
    return {
        "type": "object",
        **({"description": words} if words else {}),
        "properties": fields,
        "required": [name for name in fields if name not in optional],
    }


def a_body(optional: tuple[str, ...] = (), /, **fields: Schema) -> Schema:
    """As `an_object`, of a request: a field that is not known is refused."""
    return an_object("", optional, **fields) | {"additionalProperties": False}


def free(words: str) -> Schema:
    return {"type": "object", "description": words, "additionalProperties": True}


def a_list(name: str) -> Schema:
    return an_object(
        data=many(of(name)), next_cursor=maybe(text("Give it as `cursor` for the next page."))
    )


def id_of(prefix: str) -> Schema:
    return text(pattern=f"^{prefix}_", examples=[f"{prefix}_019f2e6c4a7b0000c1d2e3f405162738"])


def body_of_generation() -> Schema:
    """Every field that a request may have. Which of them a model takes, its own input_schema says."""
    fields: dict[str, Schema] = {
        "model": one_of([model.slug for model in catalog.MODELS], "Or an upstream's name for it.")
    }
    for model in catalog.MODELS:
        for name, said in presentation.input_schema(model)["properties"].items():
            known = fields.setdefault(name, {"description": FIELD_WORDS[name], **said})
            if "enum" in said:  # of all models together
                known["enum"] = list(dict.fromkeys([*known["enum"], *said["enum"]]))
    del fields["model"]["enum"]
    fields["model"]["examples"] = [model.slug for model in catalog.MODELS]
    fields |= {name: said for name, said in _MORE.items() if name in FIELDS}
    return a_body(tuple(name for name in fields if name not in ("model", "prompt")), **fields)


_MORE: dict[str, Schema] = {
    "end_user_id": text(
        "Your customer, by your name for them. It never leaves us as it is.", maxLength=255
    ),
    "webhook_url": url("Told of this generation alone, beside your endpoints."),
    "metadata": {
        "type": "object",
        "description": "Yours: given back, and a filter of the list.",
        "additionalProperties": text(maxLength=METADATA_VALUE_LENGTH_MAX),
        "maxProperties": METADATA_KEYS_MAX,
    },
    "max_cost_usd": text("Refuse the request if it may cost more.", examples=["0.50"]),
    "quote_id": text("A quote's id: its price binds."),
    "num_generations": number(
        "So many, all of them or none.", minimum=1, maximum=GENERATIONS_MAX, default=1
    ),
}
_FAILURE = an_object(
    code=text(), message=text(), retryable=boolean("The same may work later."),
    charged=boolean("Never: what fails is free."), details=free("The limit that was crossed."),
)  # fmt: skip
_ERROR = an_object(
    code=text("For programs; it never changes."), message=text("For people."),
    retryable=boolean(), param=maybe(text("The field that is meant.")),
    details=free("Limits and numbers."), request_id=maybe(text()),
)  # fmt: skip
_TOTAL = an_object(generations=number(), seconds=number(), charged_usd=usd())


def all_of_them() -> dict[str, Schema]:
    # fmt: off
    return {
        "Error": an_object(error=_ERROR),
        "GenerationRequest": body_of_generation(),
        "Generation": an_object(
            id=id_of("gen"), object=one_of(["generation"]), status=one_of(states.PUBLIC),
            model=text(), input=free("What was asked for, with every default filled in."),
            end_user_id=maybe(text()), metadata=free("As it was given."),
            queue=maybe(an_object(
                position=number(), eta_seconds=number(),
                waits_for=maybe(one_of(["concurrency"], "As many run as may at a time.")),
            )),
            price=an_object(
                quote_id=maybe(text()), rate_card=text(), rule=text(), rate_usd_per_second=usd(),
                max_seconds=number(), held_usd=usd("0.0000 once it has ended."),
                billed_seconds=maybe(number()), charged_usd=maybe(usd()),
            ),
            output=maybe(of("Output")), failure=maybe(_FAILURE), cancel_requested=boolean(),
            created_at=moment(), started_at=maybe(moment()), finished_at=maybe(moment()),
        ),
        "GenerationList": a_list("Generation"),
        "Output": an_object(
            "Addresses are ours, signed, and new on each read.",
            video_url=maybe(url()), poster_url=maybe(url()), content_type=one_of(["video/mp4"]),
            bytes=number(), duration_seconds={"type": "number"}, width=number(), height=number(),
            preview_url=maybe(url("A few silent seconds.")),
            url_expires_at=moment(), files_expire_at=maybe(moment()),
        ),
        "Receipt": an_object(
            object=one_of(["receipt"]), generation=text(), status=one_of(states.PUBLIC),
            model=text(), end_user_id=maybe(text()), rate_card=text(), rule=text(),
            rate_usd_per_second=usd(),
            requested=an_object(duration={"type": ["integer", "string"]}, resolution=text()),
            measured=maybe(an_object(duration_seconds={"type": "number"}, width=number(), height=number())),
            quote_id=maybe(text()), held_seconds=number(), held_usd=usd(),
            billed_seconds=maybe(number()), captured_usd=maybe(usd()), released_usd=maybe(usd()),
            charged=boolean(), not_charged_because=maybe(text()), failure=maybe(_FAILURE),
            transfers=many(of("Transfer")),
            attempts=many(an_object(
                number=number(), provider=text(), state=text(), outcome=text(),
                created_at=moment(), finished_at=maybe(moment()),
            )),
            created_at=moment(), settled_at=maybe(moment()),
        ),
        "Quote": an_object(
            id=id_of("quo"), object=one_of(["quote"]), rate_card=text(), rule=text(),
            rate_usd_per_second=usd(), max_seconds=number(), num_generations=number(),
            max_cost_usd=usd("The charge is never higher."), min_cost_usd=usd(),
            affordable=boolean("Credits and budgets would admit it now."),
            limits=many(of("BudgetThatApplies")), created_at=moment(), expires_at=moment(),
        ),
        "Model": an_object(
            id=text(), object=one_of(["model"]), title=text(), aliases=many(text()),
            typical_seconds=number(), options=free("What each option may be now."),
            rates=many(an_object(
                resolution=text(), rate_card=text(), rule=text(), rate_usd_per_second=usd(),
            )),
            input_schema=free("JSON Schema of its fields."),
            allowed=an_object(
                "What the key may use of it.",
                model=boolean(), resolution=many(text()), because=maybe(text()),
            ),
        ),
        "ModelList": a_list("Model"),
        "Upload": an_object(
            id=id_of("upl"), object=one_of(["upload"]), kind=one_of(["image", "video", "audio"]),
            content_type=text(), bytes=number(), width=maybe(number()), height=maybe(number()),
            duration_seconds=maybe({"type": "number"}), url=url(), created_at=moment(),
            expires_at=moment(),
        ),
        "UploadList": a_list("Upload"),
        "DirectUploadRequest": a_body(bytes=number("The size of the file.", minimum=1)),
        "DirectUpload": an_object(
            id=id_of("fil"), url=url("Post the form there."),
            fields=free("The form's fields; `file` comes last."), complete_url=url(),
            expires_in=number("Seconds."),
        ),
        "Balance": an_object(
            organization_id=text("Whose key this is."),
            available_usd=usd(), held_usd=usd(), purchased_usd=usd(), promotional_usd=usd(),
            debt_usd=usd(), expiring=many(an_object(usd=usd(), at=moment())),
            billing_mode=one_of(["prepaid", "invoice"]),
            suspended=maybe(an_object("Why nothing new begins.", code=text(), message=text())),
        ),
        "Transfer": an_object(
            id=id_of("trf"), object=one_of(["transfer"]), kind=one_of(Transfer.Kind.values),
            amount_usd=usd("Signed: what it did to the available credits."),
            held_change_usd=usd(), transferred_usd=usd(), balance_after_usd=usd(),
            reference=text(), grant=maybe(text()), created_at=moment(),
        ),
        "TransferList": a_list("Transfer"),
        "Statement": an_object(
            id=text(), object=one_of(["statement"]), day=text(format="date"),
            first_number=number(), last_number=number(), available_after_usd=usd(),
            previous_hash=maybe(text()), hash=text(), created_at=moment(),
        ),
        "StatementList": a_list("Statement"),
        "Purchase": an_object("", ("reversals",),
            id=text(), object=one_of(["purchase"]), origin=text(), status=text(), amount_usd=usd(),
            bonus_usd=usd(), tax_usd=usd(), total_usd=maybe(usd()), withdrawn_usd=usd(),
            card=maybe(an_object(brand=text(), last4=text())),
            failure=maybe(an_object(code=text(), message=text())),
            receipt_url=maybe(url()), invoice_url=maybe(url()), created_at=moment(),
            paid_at=maybe(moment()),
            reversals=many(an_object(
                id=text(), object=text(), status=text(), amount_usd=usd(), reason=maybe(text()),
                created_at=moment(),
            ), "Refunds and disputes; in the detail alone."),
        ),
        "PurchaseList": a_list("Purchase"),
        "Invoice": an_object(
            id=text(), object=one_of(["invoice"]), number=maybe(text()), status=text(),
            period_started_at=moment(), period_ended_at=moment(), usage_usd=usd(), amount_usd=usd(),
            total_usd=usd(), pay_until=maybe(moment()), paid_at=maybe(moment()),
            invoice_url=maybe(url()), pdf_url=maybe(url()),
        ),
        "InvoiceList": a_list("Invoice"),
        "Usage": an_object(
            data=many(free("The groups asked for, with generations, seconds and charged_usd.")),
            next_cursor={"type": "null"}, to=text(format="date"), group_by=many(text()),
            total=_TOTAL, **{"from": text(format="date")},
        ),
        "Budget": an_object(**_BUDGET, inherited=boolean("From a default for all of its kind.")),
        "Terms": an_object(
            "", ("allowed_resolutions", "concurrent_max"), object=one_of(["terms"]), of=text(), **_TERMS
        ),
        "AllTerms": an_object(data=many(of("Terms")), next_cursor={"type": "null"}),
        "TermsChange": a_body(tuple(_TERMS), **_TERMS),
        "BudgetThatApplies": an_object(**_BUDGET),
        "BudgetList": a_list("Budget"),
        "BudgetChange": a_body(("period",),
            limit_usd=maybe(text('"0" denies, null lifts.', examples=["25.00"])),
            period=one_of(Budget.Period.values),
        ),
        "EndUser": an_object(
            id=text(), object=one_of(["end_user"]), spent_usd=usd(), held_usd=usd(), since=moment(),
            budget=maybe(of("Budget")),
        ),
        "EndUserList": a_list("EndUser"),
        "Forgotten": an_object(
            object=one_of(["end_user"]), id=text("The pseudonym under which the money stays."),
            deleted=boolean(),
        ),
        "Event": an_object(
            id=id_of("evt"), object=one_of(["event"]), type=one_of(webhooks.TYPES),
            timestamp=moment(), data=free("The object that it is about, as it was."),
            created_at=moment(),
        ),
        "EventList": a_list("Event"),
        **_KEYS_AND_WEBHOOKS,
    }
    # fmt: on


# fmt: off
_BUDGET: dict[str, Schema] = {
    "object": one_of(["budget"]), "scope": one_of(Budget.Scope.values), "id": text(),
    "limit_usd": maybe(usd()), "period": one_of(Budget.Period.values), "spent_usd": maybe(usd()),
    "held_usd": maybe(usd()), "left_usd": maybe(usd()), "resets_at": maybe(moment()),
}
_TERMS: dict[str, Schema] = {
    "allowed_models": many(text(), "None: all."),
    "allowed_resolutions": many(text(), "None: all."),
    "concurrent_max": maybe(number()),
}
_KEY_TERMS: dict[str, Schema] = {
    "name": text(), "scopes": many(text(), "None: everything."), **_TERMS,
    "allowed_addresses": many(text(), "CIDR. None: from everywhere."),
    "expires_at": maybe(moment()),
}
_ENDPOINT_TERMS: dict[str, Schema] = {
    "url": url(), "types": many(one_of(webhooks.TYPES), "None: all."), "description": text(),
}
_KEYS_AND_WEBHOOKS: dict[str, Schema] = {
    "ApiKey": an_object("", ("secret",), id=id_of("key"), object=one_of(["api_key"]), prefix=text(), **_KEY_TERMS,
        kind=one_of(["organization", "personal"]),
        member=maybe(an_object("Whom a personal key acts for.", id=text(), name=text())),
        budget=maybe(of("Budget")), created_by=maybe(an_object(id=text(), name=text())),
        created_at=moment(), last_used_at=maybe(moment()), last_used_address=maybe(text()),
        revoked_at=maybe(moment()), previous=maybe(an_object(prefix=text(), expires_at=maybe(moment()))),
        secret=maybe(text("Once, in the answer that made it.")),
    ),
    "ApiKeyList": a_list("ApiKey"),
    "ApiKeyRequest": a_body(tuple(name for name in (*_KEY_TERMS, "budget", "kind") if name != "name"), **_KEY_TERMS,
        kind=maybe(one_of(["organization", "personal"], "That of the key that asks.")),
        budget=maybe(of("BudgetChange")),
    ),
    "ApiKeyChange": a_body(tuple(_KEY_TERMS), **_KEY_TERMS),
    "Rotation": a_body(("overlap_seconds",), overlap_seconds=number("How long the secret before works on."),
    ),
    "WebhookEndpoint": an_object("", ("secret",), id=text(), object=one_of(["webhook_endpoint"]), url=url(),
        types=many(text(), "None: all."), description=text(), enabled=boolean(),
        disabled=maybe(an_object(code=text(), message=text(), at=moment())),
        failing_since=maybe(moment()), last_7_days=an_object(succeeded=number(), dead=number()),
        created_at=moment(), secret=maybe(text("Once, in the answer that made it.")),
    ),
    "WebhookEndpointList": a_list("WebhookEndpoint"),
    "WebhookEndpointRequest": a_body(("types", "description"), **_ENDPOINT_TERMS),
    "WebhookEndpointChange": a_body((*_ENDPOINT_TERMS, "enabled"), **_ENDPOINT_TERMS, enabled=boolean()),
    "NewSecret": an_object(
        id=text(), secret=maybe(text("Once, in the answer that made it.")), old_secrets_expire_at=maybe(moment()),
    ),
    "Replay": a_body(("include_succeeded",), since=moment(), include_succeeded=boolean(default=False),
    ),
    "Replayed": an_object(replayed=number()),
    "Delivery": an_object(
        id=text(), object=one_of(["webhook_delivery"]), endpoint_id=maybe(text()), url=url(),
        event_id=text(), type=text(), status=text(), attempts=many(an_object(
            sent_at=moment(), duration_milliseconds=maybe(number()), status=maybe(number()),
            error=maybe(text()), answer=text(),
        )),
        next_attempt_at=maybe(moment()), created_at=moment(), finished_at=maybe(moment()),
    ),
    "DeliveryList": a_list("Delivery"),
}
# fmt: on
