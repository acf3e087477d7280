"""The pages of who: which organization is in view, who is invited, the theme."""

from allauth.account.views import password_reset_from_key
from django.urls import path, re_path

from accounts import invitations_views, views

urlpatterns = [
    path("organizations/choose", views.choose_organization, name="organization_choose"),
    path("members/invite", invitations_views.invite, name="invite"),
    path("members/invitations/<str:id>/again", invitations_views.again, name="invitation_again"),
    path("members/invitations/<str:id>/revoke", invitations_views.revoke, name="invitation_revoke"),
    path("invitations/<str:secret>", invitations_views.invitation, name="invitation"),
    # allauth's own pattern of this name knows no underscore, and our people's ids have one.
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>usr_[0-9a-f]+)-(?P<key>.+)/$",
        password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("theme", views.theme, name="theme"),
]
