"""Who, as our staff reads it. No secret and no hash of one is shown."""

from django.contrib import admin

from accounts.console import Records, console, link, rows_of
from accounts.models import (
    Alarm,
    ApiKey,
    AuditEntry,
    Delivery,
    Event,
    Invitation,
    Look,
    Membership,
    Organization,
    OwedMail,
    User,
    WebhookEndpoint,
)

OF_ORGANIZATION = "organization__id__exact"


@admin.register(Organization, site=console)
class OrganizationRecords(Records):
    list_display = ("name", "page", "id", "plan", "is_sandbox", "suspended_at", "closed_at")
    list_filter = ("is_sandbox", "plan")
    search_fields = ("id__exact", "name__icontains", "memberships__user__email__exact")
    exclude = ("pseudonym_secret",)
    readonly_fields = ("page", "members", "keys", "generations", "grants", "purchases", "audit")
    page = link("operator_organization", "What can be done")
    members = rows_of("accounts_membership", "Members", OF_ORGANIZATION)
    keys = rows_of("accounts_apikey", "API keys", OF_ORGANIZATION)
    generations = rows_of("generations_generation", "Generations", OF_ORGANIZATION)
    grants = rows_of("billing_grant", "Grants", OF_ORGANIZATION)
    purchases = rows_of("billing_purchase", "Purchases", OF_ORGANIZATION)
    audit = rows_of("accounts_auditentry", "Audit trail", OF_ORGANIZATION)


@admin.register(User, site=console)
class UserRecords(Records):
    list_display = ("email", "name", "id", "is_active", "is_staff", "created_at")
    list_filter = ("is_staff", "is_active")
    search_fields = ("id__exact", "email__icontains")
    exclude = ("password", "groups", "user_permissions")
    readonly_fields = ("memberships",)
    memberships = rows_of("accounts_membership", "Memberships", "user__id__exact")


@admin.register(Membership, site=console)
class MembershipRecords(Records):
    list_display = ("user", "organization", "role", "created_at", "removed_at")
    list_select_related = ("user", "organization")
    list_filter = ("role",)
    search_fields = ("id__exact", "user__email__exact", "organization__id__exact")


@admin.register(Invitation, site=console)
class InvitationRecords(Records):
    list_display = ("email", "organization", "role", "sent_at", "accepted_at", "revoked_at")
    list_select_related = ("organization",)
    search_fields = ("id__exact", "email__exact", "organization__id__exact")
    exclude = ("secret_sha256",)


@admin.register(ApiKey, site=console)
class ApiKeyRecords(Records):
    list_display = (
        "name",
        "prefix",
        "page",
        "organization",
        "member",
        "last_used_at",
        "revoked_at",
    )
    list_select_related = ("organization", "member__user")
    search_fields = ("id__exact", "prefix__exact", "organization__id__exact")
    exclude = ("secret_sha256", "previous_sha256")
    readonly_fields = ("page", "made")
    page = link("operator_key", "Revoke")
    made = rows_of("generations_generation", "What it made", "api_key__id__exact")


@admin.register(AuditEntry, site=console)
class AuditRecords(Records):
    list_display = ("created_at", "action", "target", "organization", "actor", "api_key", "address")
    list_select_related = ("organization", "actor", "api_key")
    search_fields = ("id__exact", "target__exact", "action__exact", "organization__id__exact")


@admin.register(Event, site=console)
class EventRecords(Records):
    list_display = ("created_at", "type", "id", "organization")
    list_select_related = ("organization",)
    search_fields = ("id__exact", "type__exact", "organization__id__exact")


@admin.register(Alarm, site=console)
class AlarmRecords(Records):
    list_display = ("began_at", "name", "count", "told_at", "ended_at")
    search_fields = ("name__startswith",)


@admin.register(Look, site=console)
class LookRecords(Records):
    list_display = ("began_at", "staff", "organization", "reason", "ended_at")
    list_select_related = ("staff", "organization")
    search_fields = ("id__exact", "staff__email__exact", "organization__id__exact")


@admin.register(WebhookEndpoint, site=console)
class EndpointRecords(Records):
    list_display = ("url", "organization", "created_at", "disabled_at", "failing_since")
    list_select_related = ("organization",)
    search_fields = ("id__exact", "organization__id__exact")
    readonly_fields = ("deliveries",)
    deliveries = rows_of("accounts_delivery", "Deliveries", "endpoint__id__exact")


@admin.register(Delivery, site=console)
class DeliveryRecords(Records):
    list_display = ("id", "page", "organization", "event", "state", "created_at", "due_at")
    list_select_related = ("organization", "event")
    list_filter = ("state",)
    search_fields = ("id__exact", "event__id__exact", "organization__id__exact")
    page = link("operator_resend", "Send again")


@admin.register(OwedMail, site=console)
class OwedMailRecords(Records):
    list_display = ("id", "compose", "owed_at", "due_at", "tries_count", "give_up_at")
    exclude = ("arguments",)  # a code may stand in them
