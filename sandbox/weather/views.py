"""The weather panel, and the same for machines."""

import json

from django.http import HttpResponseBadRequest, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from sandbox.weather import conditions, control
from sandbox.weather.models import Call, Weather


@require_http_methods(["GET", "POST"])
def panel(request):
    """Switches and log; a switch works without script too."""
    if request.method == "GET":
        return render(request, "weather/panel.html", _shown())
    try:
        control.change({name: value for name, value in request.POST.items() if name != "csrfmiddlewaretoken"})
    except control.WishError as problem:
        return HttpResponseBadRequest(str(problem), content_type="text/plain")
    return redirect("weather")


def _shown():
    weather = Weather.current()
    return {
        "weather": weather,
        "groups": [
            {"name": "aos", "title": "AOS", "now": weather.aos, "conditions": conditions.AOS},
            {"name": "hits", "title": "What AOS's weather hits", "now": weather.hits, "conditions": conditions.HITS},
            {"name": "aps", "title": "APS", "now": weather.aps, "conditions": conditions.APS},
        ],
        "calls": Call.latest(),
    }


@csrf_exempt  # JSON from our own origin or from no page at all; a form elsewhere can send neither
@require_http_methods(["GET", "POST"])
def api(request):
    """GET: weather and latest calls. POST: change the weather, answer with the same."""
    if request.method == "GET":
        return JsonResponse(control.state())
    if request.content_type != "application/json":
        return _problem(415, "Send application/json.")
    own = f"http://{request.get_host()}"
    if request.headers.get("Origin", own) != own:
        return _problem(403, "Only from the panel itself.")
    try:
        control.change(_wish(request.body))
    except control.WishError as problem:
        return _problem(400, str(problem))
    return JsonResponse(control.state())


def _wish(body):
    try:
        wish = json.loads(body)
    except ValueError:
        wish = None
    if not isinstance(wish, dict):
        raise control.WishError("Send a JSON object.")
    return wish


def _problem(status, text):
    return JsonResponse({"error": text}, status=status)
