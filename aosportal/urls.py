"""All addresses of the portal."""

from django.contrib import admin
from django.urls import include, path

from . import language, views
from .passport.views import begin, complete

# Of social-auth's own addresses only these two exist: its disconnect and launch pages do not.
social = [
    path("login/<str:backend>/", begin, name="begin"),
    path("complete/<str:backend>/", complete, name="complete"),
]
urlpatterns = [
    path("", views.landing, name="landing"),
    path("language/", language.choose, name="language"),
    path("", include("aosportal.passport.urls")),
    path("", include((social, "social"))),
    path("subscriptions/", include("subscriptions.urls")),
    path("admin/login/", views.admin_login),
    path("admin/", admin.site.urls),
]
handler400 = "aosportal.views.bad_request"
handler403 = "aosportal.views.permission_denied"
handler500 = "aosportal.views.server_error"
