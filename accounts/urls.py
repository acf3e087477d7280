"""The pages of who: which organization is in view, a new one, the theme."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("organizations/new", views.new_organization, name="organization_new"),
    path("organizations/choose", views.choose_organization, name="organization_choose"),
    path("theme", views.theme, name="theme"),
]
