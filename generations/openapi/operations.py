"""What each method of each address does, in words. Which ones there are, the URL map says and not this table."""

from dataclasses import dataclass, field

from accounts.models import Delivery
from billing import usage
from billing.models import Budget, Transfer
from generations import states
from generations.error_pages import FILE_CODES as FILES
from generations.openapi.schemas import Schema, moment, number, one_of, text
from seedance_saas.api import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX


@dataclass(frozen=True)
class Operation:
    """`answer` and `body` name a schema; an empty answer has no body, `csv` is a file."""

    tag: str
    summary: str
    answer: str = ""
    status: int = 200
    body: str = ""
    query: dict[str, Schema] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()  # codes beside those that every address has
    words: str = ""
    may_be_empty: bool = False  # the body

    @property
    def is_list(self) -> bool:
        return self.answer.endswith("List") and self.answer != "ModelList"


DAYS = {
    "from": text("A day of UTC.", format="date"),
    "to": text("The day after the last.", format="date"),
}
FILTERS = {name: text("Only this one.") for name in usage.FILTERS}
GROUPS = {
    "group_by": text(f"Some of {', '.join(usage.GROUPS)}, with commas between.", default="day")
}
METADATA: Schema = {
    "type": "object",
    "description": "`metadata[order]=1234`: those whose metadata has this value under the key.",
    "additionalProperties": text(),
}
MONEY = ("insufficient_credits", "budget_exceeded", "billing_hold", "max_cost_exceeded")
ALLOWED = ("model_not_allowed", "resolution_not_allowed")
DISABLED = ("webhook_endpoint_disabled",)
STOPPED = ("organization_suspended", "organization_closed")
G, P, F, M = "Generations", "Prices", "Files", "Money"
U, B, E, K, W = "Usage", "Budgets and end users", "Events", "Keys", "Webhooks"

# fmt: off
OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/generations"): Operation(
        G, "Make a video", "Generation", 201, "GenerationRequest",
        refusals=(*MONEY, *ALLOWED, *STOPPED, "no_rate", "quote_expired", "quote_mismatch", "too_busy", *FILES),
        words="Held at once, charged for the seconds produced. `num_generations` above 1 answers `{\"data\": […]}`."),
    ("GET", "/generations"): Operation(
        G, "List generations", "GenerationList", query={
            "status": one_of(states.PUBLIC), "model": text(), "end_user_id": text(),
            "api_key": text(), "created_after": moment(), "created_before": moment(),
            "metadata": METADATA}),
    ("GET", "/generations/{id}"): Operation(G, "Read a generation", "Generation"),
    ("DELETE", "/generations/{id}"): Operation(
        G, "Erase a generation", status=204, refusals=("not_final",),
        words="Prompt, inputs and media go; the receipt stays."),
    ("POST", "/generations/{id}/cancel"): Operation(
        G, "Cancel a generation", "Generation", refusals=("too_late_to_cancel", "provider_unavailable"),
        words="What is canceled is free. A repeat changes nothing."),
    ("GET", "/generations/{id}/receipt"): Operation(G, "Read a receipt", "Receipt"),
    ("GET", "/models"): Operation(P, "List models", "ModelList"),
    ("GET", "/models/{slug}"): Operation(P, "Read a model", "Model"),
    ("POST", "/quotes"): Operation(
        P, "Ask for a binding price", "Quote", 201, "GenerationRequest", refusals=("no_rate", *ALLOWED, *FILES),
        words="It binds us for a quarter of an hour. Holds nothing."),
    ("POST", "/uploads"): Operation(
        F, "Upload a file", "Upload", 201, "multipart", refusals=(*FILES, "storage_full", "too_busy")),
    ("GET", "/uploads"): Operation(F, "List uploads", "UploadList"),
    ("GET", "/uploads/{id}"): Operation(F, "Read an upload", "Upload"),
    ("DELETE", "/uploads/{id}"): Operation(F, "Delete an upload", status=204),
    ("POST", "/uploads/direct"): Operation(
        F, "Upload straight into storage", "DirectUpload", 201, "DirectUploadRequest",
        refusals=("direct_upload_unavailable", "storage_full")),
    ("POST", "/uploads/direct/{id}/complete"): Operation(
        F, "Finish a direct upload", "Upload", 201, refusals=("upload_not_there", "too_busy", *FILES)),
    ("GET", "/balance"): Operation(M, "Read the balance", "Balance"),
    ("GET", "/transfers"): Operation(M, "List the ledger", "TransferList", query={
        "reference": text(), "kind": one_of(Transfer.Kind.values)}),
    ("GET", "/statements"): Operation(M, "List closed days", "StatementList"),
    ("GET", "/statements/{id}"): Operation(M, "Download a statement", "file"),
    ("GET", "/purchases"): Operation(M, "List purchases", "PurchaseList"),
    ("GET", "/purchases/{id}"): Operation(M, "Read a purchase", "Purchase"),
    ("GET", "/invoices"): Operation(M, "List invoices", "InvoiceList"),
    ("GET", "/invoices/{id}"): Operation(M, "Read an invoice", "Invoice"),
    ("GET", "/invoices/{id}/usage.csv"): Operation(M, "An invoice by end user", "csv"),
    ("GET", "/usage"): Operation(U, "Report usage", "Usage", query=DAYS | GROUPS | FILTERS),
    ("GET", "/usage.csv"): Operation(U, "Report usage as a file", "csv", query=DAYS | GROUPS | FILTERS),
    ("GET", "/usage/focus.csv"): Operation(U, "Report usage in FOCUS columns", "csv", query=DAYS | FILTERS),
    ("GET", "/budgets"): Operation(B, "List budgets", "BudgetList", query={"scope": one_of(Budget.Scope.values)}),
    ("GET", "/budgets/{scope}/{id}"): Operation(B, "Read a budget", "Budget"),
    ("PUT", "/budgets/{scope}/{id}"): Operation(
        B, "Set a budget", "Budget", body="BudgetChange",
        words="`*` is the default for all of a kind that have none of their own."),
    ("DELETE", "/budgets/{scope}/{id}"): Operation(B, "Lift a budget", "Budget"),
    ("GET", "/terms"): Operation(B, "List what may be used", "AllTerms"),
    ("GET", "/terms/{of}"): Operation(
        B, "Read what may be used", "Terms", words="`of` is `organization`, `owner`, `admin` or `developer`."),
    ("PUT", "/terms/{of}"): Operation(
        B, "Say what may be used", "Terms", body="TermsChange",
        words="From the next request on: which models and resolutions the organization, or each member with a role, "
              "may use, and how many of a member's videos run at a time. A field that is not sent limits nothing any "
              "more. A personal key is bound by the role of its member."),
    ("GET", "/end-users"): Operation(B, "List end users", "EndUserList"),
    ("GET", "/end-users/{id}"): Operation(B, "Read an end user", "EndUser"),
    ("DELETE", "/end-users/{id}"): Operation(
        B, "Forget an end user", "Forgotten", words="The money stays, under a pseudonym."),
    ("GET", "/events"): Operation(
        E, "List events of the last 30 days", "EventList",
        query={"type": text("One type, or all of a kind: `balance.*`.")}),
    ("GET", "/events/{id}"): Operation(E, "Read an event", "Event"),
    ("GET", "/api-keys"): Operation(K, "List keys", "ApiKeyList"),
    ("POST", "/api-keys"): Operation(
        K, "Make a key", "ApiKey", 201, "ApiKeyRequest", refusals=("wider_than_own",),
        words="The secret is in this answer, and nowhere else. The key is of the kind of the one that asks, and no "
              "wider. One of the `organization` counts for itself alone; a `personal` one acts for a member, spends on "
              "their budget, too, may no more than their role, and ends with the membership."),
    ("GET", "/api-keys/{id}"): Operation(K, "Read a key", "ApiKey"),
    ("PATCH", "/api-keys/{id}"): Operation(
        K, "Change a key", "ApiKey", body="ApiKeyChange", refusals=("wider_than_own", "key_is_over"),
        words="Only what is sent changes, and null lifts a limit. No key changes one of another kind or member, nor "
              "makes itself or another one wider than itself. Its budget is at `/budgets/api_key/{id}`."),
    ("DELETE", "/api-keys/{id}"): Operation(K, "Revoke a key", status=204, words="At once, and for good."),
    ("POST", "/api-keys/{id}/rotate"): Operation(
        K, "Give a key another secret", "ApiKey", 201, "Rotation", may_be_empty=True,
        refusals=("wider_than_own", "key_is_over", "key_is_rotating")),
    ("POST", "/api-keys/{id}/end-overlap"): Operation(K, "End the secret before a rotation", "ApiKey"),
    ("GET", "/webhook-endpoints"): Operation(W, "List endpoints", "WebhookEndpointList"),
    ("POST", "/webhook-endpoints"): Operation(
        W, "Make an endpoint", "WebhookEndpoint", 201, "WebhookEndpointRequest",
        refusals=("too_many_webhook_endpoints",), words="The secret is in this answer, and nowhere else."),
    ("GET", "/webhook-endpoints/{id}"): Operation(W, "Read an endpoint", "WebhookEndpoint"),
    ("PATCH", "/webhook-endpoints/{id}"): Operation(
        W, "Change an endpoint, or switch it on or off", "WebhookEndpoint", body="WebhookEndpointChange",
        words="Only what is sent changes."),
    ("DELETE", "/webhook-endpoints/{id}"): Operation(W, "Delete an endpoint", status=204),
    ("POST", "/webhook-endpoints/{id}/rotate-secret"): Operation(
        W, "Give an endpoint another secret", "NewSecret", body="Rotation", may_be_empty=True),
    ("POST", "/webhook-endpoints/{id}/test"): Operation(W, "Send a test event", "Delivery", 202, refusals=DISABLED),
    ("POST", "/webhook-endpoints/{id}/replay"): Operation(
        W, "Send again what it missed", "Replayed", 202, "Replay", refusals=DISABLED),
    ("GET", "/webhook-endpoints/{id}/deliveries"): Operation(
        W, "List deliveries", "DeliveryList", query={"status": one_of(Delivery.State.values)}),
    ("GET", "/deliveries/{id}"): Operation(W, "Read a delivery", "Delivery"),
    ("POST", "/deliveries/{id}/resend"): Operation(W, "Send a delivery again", "Delivery", 202, refusals=DISABLED),
}
# fmt: on
LIST_QUERY = {
    "limit": number("How many.", minimum=1, maximum=PAGE_LIMIT_MAX, default=PAGE_LIMIT_DEFAULT),
    "cursor": text("`next_cursor` of the page before."),
}
