"""Addresses of signing in and out."""

from django.urls import path

from . import account, views

app_name = "passport"
urlpatterns = [
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("logout/backchannel/", views.backchannel_logout, name="backchannel_logout"),
    path("account/", account.page, name="account"),
    path("account/still-here/", account.still_here, name="still_here"),
    path("account/end/<uuid:grant_id>/", account.end_one, name="end_one"),
    path("account/end-everywhere/", account.end_everywhere, name="end_everywhere"),
    path("signed-out/", views.signed_out, name="signed_out"),
]
