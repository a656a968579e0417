"""The addresses of the stand-in AOS, and the weather panel."""

from django.conf import settings
from django.urls import path
from django.views.generic import RedirectView
from django.views.static import serve

from sandbox.subscriptions import api
from sandbox.weather import views

urlpatterns = [
    path("", RedirectView.as_view(url="/weather/")),
    path("api/v2/subscriptions", api.subscriptions),
    path("api/v2/subscriptions/<str:subscription_id>", api.subscription),
    path("weather/", views.panel, name="weather"),
    path("weather/api", views.api, name="weather-api"),
    path("static/<path:path>", serve, {"document_root": settings.STATIC_ROOT}),
]
