"""The pages of who: which organization is in view, a new one, oneself, the theme."""

from django.urls import path, re_path

from accounts import account_views, views

urlpatterns = [
    path("organizations/new", views.new_organization, name="organization_new"),
    path("organizations/choose", views.choose_organization, name="organization_choose"),
    # allauth's own pattern of this name knows no underscore, and our people's ids have one.
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>usr_[0-9a-f]+)-(?P<key>.+)/$",
        account_views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("accounts/sessions/", account_views.list_sessions, name="usersessions_list"),
    path("account", account_views.account, name="account"),
    path("theme", views.theme, name="theme"),
]
