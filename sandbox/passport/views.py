"""The stand-in APS: choosing a person, consent, and the provider's endpoints."""

import json

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from oauth2_provider import views as toolkit
from oauth2_provider.exceptions import InvalidOIDCRedirectURIError, OAuthToolkitError
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError
from oauthlib.openid.connect.core.exceptions import ConsentRequired

from sandbox.passport.models import Person, SignIn
from sandbox.passport.validator import GRANT_TYPES, invalid_target, known_resource

ASKS_WHO = {"login", "select_account"}


@require_GET
def home(request):
    """Who is signed in to APS in this browser."""
    return render(request, "passport/home.html")


@require_http_methods(["GET", "POST"])
def sign_in(request):
    """Choose a demo person; each choice is a new browser session."""
    after = request.POST.get("next") or request.GET.get("next", "")
    if request.method == "GET":
        return render(request, "passport/sign_in.html", {"people": Person.objects.order_by("username"), "next": after})
    person = get_object_or_404(Person, username=request.POST.get("person", ""))
    request.session.flush()
    login(request, person)
    request.session["sign_in"] = str(SignIn.objects.create(person=person).id)
    safe = url_has_allowed_host_and_scheme(after, allowed_hosts=None)
    return redirect(after if safe else "home")


@require_POST
def sign_out(request):
    """End this browser's session at APS; tokens already given live on."""
    logout(request)
    return redirect("home")


class Authorize(toolkit.AuthorizationView):
    """The authorization endpoint: asks for consent once in a browser session, and for a person when told to."""

    template_name = "passport/consent.html"

    def get(self, request, *args, **kwargs):
        """Ask who it is first where `prompt` wants that."""
        if "select_account" in request.GET.get("prompt", "").split():
            return self.handle_prompt_login()
        return super().get(request, *args, **kwargs)

    def handle_no_permission(self):
        """Nobody is signed in: choosing a person is what `prompt` wanted."""
        if "select_account" in self.request.GET.get("prompt", "").split():
            return self.handle_prompt_login()
        return super().handle_no_permission()

    def handle_prompt_login(self):
        """To the sign-in page, and back here with that wish fulfilled and every other parameter as it was."""
        query = self.request.GET.copy()
        query["prompt"] = " ".join(word for word in query["prompt"].split() if word not in ASKS_WHO)
        if not query["prompt"]:
            del query["prompt"]
        return redirect_to_login(f"{self.request.path}?{query.urlencode()}", self.get_login_url())

    def validate_authorization_request(self, request):
        """Refuse, before anybody is asked anything, a plain PKCE challenge and an unknown resource."""
        scopes, credentials = super().validate_authorization_request(request)
        error = _refusal(request.GET, credentials.get("state"))
        if error:
            raise OAuthToolkitError(error=error, redirect_uri=credentials["redirect_uri"])
        return scopes, credentials

    def render_to_response(self, context, **kwargs):
        """The consent page, unless this browser session has already said yes to the same."""
        if self.request.method == "GET" and "form" in context:
            if self._consent() in self.request.session.get("allowed", []):
                return self._say_yes()
            if "none" in self.request.GET.get("prompt", "").split():
                return self._refuse(ConsentRequired(state=self.oauth2_data["state"]))
        return super().render_to_response(context, **kwargs)

    def _say_yes(self):
        form = self.form_class(self._filled() | {"allow": True})
        return self.form_valid(form) if form.is_valid() else self.form_invalid(form)

    def _refuse(self, error):
        redirect_uri = self.oauth2_data["redirect_uri"]
        return self.error_response(OAuthToolkitError(error=error, redirect_uri=redirect_uri), application=None)

    def form_valid(self, form):
        """Remember a yes for this browser session, then answer the client."""
        if form.cleaned_data["allow"]:
            said = f"{form.cleaned_data['client_id']} {form.cleaned_data['scope']}"
            self.request.session["allowed"] = sorted({*self.request.session.get("allowed", []), said})
        return super().form_valid(form)

    def create_authorization_response(self, request, scopes, credentials, allow):
        """The answer, knowing the browser session it is given in."""
        credentials["sign_in"] = get_object_or_404(SignIn, pk=request.session.get("sign_in"), person=request.user)
        return super().create_authorization_response(request, scopes, credentials, allow)

    def redirect(self, redirect_to, application):
        """Back to the client, naming the issuer in errors too (RFC 9207, section 2)."""
        if "iss=" not in redirect_to:
            redirect_to = add_params_to_uri(redirect_to, [("iss", settings.APS_URL)])
        return super().redirect(redirect_to, application)

    def _filled(self):
        return {name: value for name, value in self.get_initial().items() if value is not None}

    def _consent(self):
        return f"{self.oauth2_data['client_id']} {' '.join(self.oauth2_data['scopes'])}"


def _refusal(asked, state):
    if asked.get("code_challenge_method") != "S256":
        return InvalidRequestError(description="PKCE needs code_challenge_method=S256.", state=state)
    if not all(known_resource(each) for each in asked.getlist("resource")):
        return invalid_target(state=state)
    return None


@method_decorator(transaction.atomic, name="dispatch")
class Token(toolkit.TokenView):
    """The token endpoint, one call at a time: of two that spend one refresh token, the second is a reuse."""


class EndSession(toolkit.RPInitiatedLogoutView):
    """RP-initiated logout; asks only where the ID token does not tell whose session it is."""

    template_name = "passport/end_session.html"

    def validate_post_logout_redirect_uri(self, application, post_logout_redirect_uri):
        """The registered text and nothing else, as for the redirect after sign-in."""
        super().validate_post_logout_redirect_uri(application, post_logout_redirect_uri)
        known = application.post_logout_redirect_uris.split() if application else []
        if post_logout_redirect_uri and post_logout_redirect_uri not in known:
            raise InvalidOIDCRedirectURIError("This client does not have this redirect uri registered.")


class Discovery(toolkit.ConnectDiscoveryInfoView):
    """OpenID Connect discovery."""

    def get(self, request, *args, **kwargs):
        """The toolkit's document with what it leaves out."""
        shown = json.loads(super().get(request, *args, **kwargs).content)
        shown["id_token_signing_alg_values_supported"] = ["RS256"]
        shown["grant_types_supported"] = GRANT_TYPES
        shown["prompt_values_supported"] = ["none", *sorted(ASKS_WHO)]
        for name, endpoint in (("revoke-token", "revocation_endpoint"), ("introspect", "introspection_endpoint")):
            shown[endpoint] = settings.APS_URL + reverse(f"oauth2_provider:{name}")
        return JsonResponse(shown)
