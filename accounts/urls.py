"""The pages of who: which organization is in view, who is invited, oneself, the theme."""

from django.urls import path, re_path

from accounts import (
    account_views,
    audit_views,
    invitations_views,
    views,
    webhook_changes_views,
    webhooks_views,
)

urlpatterns = [
    path("organizations/choose", views.choose_organization, name="organization_choose"),
    path("members/invite", invitations_views.invite, name="invite"),
    path("members/invitations/<str:id>/again", invitations_views.again, name="invitation_again"),
    path("members/invitations/<str:id>/revoke", invitations_views.revoke, name="invitation_revoke"),
    path("invitations/<str:secret>", invitations_views.invitation, name="invitation"),
    # allauth's own pattern of this name knows no underscore, and our people's ids have one.
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>usr_[0-9a-f]+)-(?P<key>.+)/$",
        account_views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("audit", audit_views.audit_page, name="audit"),
    path("audit.csv", audit_views.audit_csv, name="audit_csv"),
    path("accounts/sessions/", account_views.list_sessions, name="usersessions_list"),
    path("account", account_views.account, name="account"),
    path("theme", views.theme, name="theme"),
    path("webhooks", webhooks_views.webhooks_page, name="webhooks"),
    path("webhook-endpoints/new", webhook_changes_views.endpoint_new, name="webhook_new"),
    path("webhook-endpoints/<str:id>", webhooks_views.endpoint_page, name="webhook_endpoint"),
    path(
        "webhook-endpoints/<str:id>/edit", webhook_changes_views.endpoint_edit, name="webhook_edit"
    ),
    path(
        "webhook-endpoints/<str:id>/test", webhook_changes_views.endpoint_test, name="webhook_test"
    ),
    path(
        "webhook-endpoints/<str:id>/enable",
        webhook_changes_views.endpoint_enable,
        name="webhook_enable",
    ),
    path(
        "webhook-endpoints/<str:id>/disable",
        webhook_changes_views.endpoint_disable,
        name="webhook_disable",
    ),
    path(
        "webhook-endpoints/<str:id>/delete",
        webhook_changes_views.endpoint_delete,
        name="webhook_delete",
    ),
    path(
        "webhook-endpoints/<str:id>/secret",
        webhook_changes_views.secret_rotate,
        name="webhook_rotate",
    ),
    path(
        "webhook-endpoints/<str:id>/replay",
        webhook_changes_views.endpoint_replay,
        name="webhook_replay",
    ),
    path("webhook-deliveries", webhooks_views.deliveries_page, name="webhook_deliveries"),
    path("webhook-deliveries/live", webhooks_views.deliveries_live, name="webhook_deliveries_live"),
    path("webhook-deliveries/<str:id>", webhooks_views.delivery_page, name="webhook_delivery"),
    path(
        "webhook-deliveries/<str:id>/resend",
        webhook_changes_views.delivery_resend,
        name="webhook_resend",
    ),
]
