"""Checks of AOS: its TLS, and whether it lists something to the portal itself."""

from django.conf import settings
from social_core.exceptions import SocialAuthBaseException

from aosportal import http
from aosportal.passport.refreshing import passport
from aosportal.passport.tokens import SignInRequired
from aosportal.secret import Secret
from subscriptions.aos import AOS, AOSError, Busy, NoPermission, NotThere, collection

from . import looking
from .passport import REACH, certificate_of
from .results import Finding, failed, ok, skipped

_REMEDIES: dict[type[AOSError], str] = {
    NoPermission: "Give the portal's client the permission to list subscriptions at AOS: APS_APPLICATION_SCOPE, "
    "APS_APPLICATION_FORM (requested_scopes, requested_enrollment), and AOS_QUERY for the tenant.",
    NotThere: "Correct AOS_BASE_URL and AOS_SUBSCRIPTIONS_PATH.",
    Busy: "Try again later.",
}
_NOT_ACCEPTED = (
    "APS_RESOURCE must name this AOS, and AOS must trust APS_ISSUER. Look at APS_APPLICATION_SCOPE, and at both clocks."
)


class _WithToken(AOS):
    """AOS as the portal itself sees it, with one fresh token and without the database."""

    def __init__(self, token: Secret) -> None:
        super().__init__(None)
        self._one = token

    def _token(self) -> Secret:
        return self._one

    def _renewed(self, refused: Secret) -> Secret:
        return self._one


def tls() -> Finding:
    """The certificates of AOS."""
    return certificate_of(settings.AOS_BASE_URL)


def listing() -> Finding:
    """List with a token of the portal's own; without one, only see that somebody answers."""
    try:
        token = Secret(passport().client_credentials()["access_token"])
    except SocialAuthBaseException:
        return _reachable()
    try:
        return ok(f"it lists {len(_WithToken(token).subscriptions())} subscriptions to the portal itself")
    except SignInRequired:
        return failed("AOS answered 401: it does not accept APS's token", _NOT_ACCEPTED)
    except AOSError as error:
        return failed(str(error), _REMEDIES.get(type(error), REACH))


def _reachable() -> Finding:
    try:
        sight = looking.at(collection())
    except http.Fault as fault:
        return failed(str(fault), REACH)
    if sight.status == 404:
        return failed("AOS has nothing at this address (404)", _REMEDIES[NotThere])
    if sight.status >= 500:
        return failed(f"AOS fails ({sight.status})", "Try again later, and ask its operator.")
    return skipped(f"it answers ({sight.status}); its list needs the portal's own access")
