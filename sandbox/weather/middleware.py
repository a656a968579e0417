"""Applies the weather to calls of the portal, and records each call to a stand-in."""

from django.conf import settings

from sandbox.server import HANG_UP
from sandbox.weather import conditions
from sandbox.weather.models import Call, Weather
from sandbox.weather.sightings import describe

OWN_PAGES = ("/weather/", "/static/", "/favicon.ico")
BACK_CHANNEL = (
    "/.well-known/",
    "/connect/token",
    "/connect/userinfo",
    "/connect/revoke",
    "/connect/introspect",
)


def role():
    """Which stand-in this process is."""
    return "aps" if settings.ROOT_URLCONF == "sandbox.aps_urls" else "aos"


class PageHeaders:
    """Our pages load nothing from elsewhere, and nothing of the stand-ins is cached."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        """Add the headers."""
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
        response.setdefault("Cache-Control", "no-store")
        return response


class RecordCalls:
    """Writes down every call but those to the panel itself."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        """Look at the call before it is handled: afterwards its tokens may be gone."""
        if request.path.startswith(OWN_PAGES):
            return self.get_response(request)
        seen = describe(request)
        response = self.get_response(request)
        user = getattr(request, "user", None)
        if user and user.is_authenticated:
            seen["person"] = seen["person"] or user.name
        status = None if request.environ.get(HANG_UP) else response.status_code
        Call.record(stand_in=role(), status=status, **seen)
        return response


class ApplyWeather:
    """Lets the chosen weather answer what the portal asks; people's pages at APS always work."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        """Answer as the weather has it."""
        if role() == "aps" and request.path.startswith(BACK_CHANNEL):
            return self._act(request, conditions.APS, "aps")
        if role() == "aos" and request.path.startswith("/api/"):
            return self._act(request, conditions.AOS, "aos")
        return self.get_response(request)

    def _act(self, request, known, name):
        weather = Weather.current()
        if name == "aos" and weather.hits == "changes" and request.method != "PUT":
            return self.get_response(request)
        return known[getattr(weather, name)].act(request, self.get_response, weather)
