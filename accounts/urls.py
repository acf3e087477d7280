"""The pages of who: which organization is in view, a new one, the theme."""

from allauth.account.views import password_reset_from_key
from django.urls import path, re_path

from accounts import audit_views, views

urlpatterns = [
    path("organizations/new", views.new_organization, name="organization_new"),
    path("organizations/choose", views.choose_organization, name="organization_choose"),
    # allauth's own pattern of this name knows no underscore, and our people's ids have one.
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>usr_[0-9a-f]+)-(?P<key>.+)/$",
        password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("audit", audit_views.audit_page, name="audit"),
    path("audit.csv", audit_views.audit_csv, name="audit_csv"),
    path("theme", views.theme, name="theme"),
]
