"""A person with a browser and a portal, by plain HTTP."""

import base64
import hashlib
import re
import secrets
from html import unescape
from urllib.parse import parse_qs, urlsplit

import requests

SCOPE = "openid profile email offline_access"


class Visitor:
    """Goes through a sign-in by hand; the portal's half of it is here too."""

    def __init__(self, stand_ins):
        self.at = stand_ins
        self.browser = requests.Session()
        self.tokens = {}

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.browser.close()

    @property
    def redirect_uri(self):
        return f"{self.at.portal_url}/complete/aps/"

    def start(self, **changes):
        """Follow the portal's redirect to APS; None leaves a parameter out. Stops before the portal."""
        self.verifier, self.nonce, self.state = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.at.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "nonce": self.nonce,
            "resource": self.at.aos_url,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        } | changes
        asked = {name: value for name, value in asked.items() if value is not None}
        return self.follow(
            self.browser.get(f"{self.at.aps_url}/connect/authorize", params=asked, allow_redirects=False)
        )

    def follow(self, answer):
        """Follow redirects as long as they stay at APS."""
        while answer.is_redirect and not answer.headers["Location"].startswith(self.at.portal_url):
            address = requests.compat.urljoin(answer.url, answer.headers["Location"])
            answer = self.browser.get(address, allow_redirects=False)
        return answer

    def press(self, page, **button):
        """Send the page's form with one of its buttons."""
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        fields = {name: unescape(value) for name, value in fields.items()}
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        address = requests.compat.urljoin(page.url, unescape(action[1])) if action else page.url
        return self.follow(
            self.browser.post(address, data=fields | button, headers={"Referer": page.url}, allow_redirects=False)
        )

    def sign_in(self, person, **changes):
        """The whole flow; the tokens are in `self.tokens` afterwards."""
        consent = self.press(self.start(**changes), person=person)
        self.tokens = self.redeem(answered(self.press(consent, allow="on"))["code"]).json()

    def token(self, **form):
        known = {"client_id": self.at.client_id, "client_secret": self.at.client_secret}
        return requests.post(f"{self.at.aps_url}/connect/token", data=known | form, timeout=10)

    def redeem(self, code, **changes):
        asked = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": self.verifier}
        return self.token(grant_type="authorization_code", **(asked | changes))

    def refresh(self, refresh_token=None):
        return self.token(grant_type="refresh_token", refresh_token=refresh_token or self.tokens["refresh_token"])

    def aos(self, method="GET", path="", **kwargs):
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        address = f"{self.at.aos_url}/api/v2/subscriptions{path}"
        return requests.request(method, address, headers=headers, timeout=kwargs.pop("timeout", 10), **kwargs)

    def names(self):
        return {item["id"]: item["displayName"] for item in self.aos().json()}

    def rename(self, subscription_id, name, **kwargs):
        return self.aos("PUT", f"/{subscription_id}", json={"displayName": name}, **kwargs)


def answered(response):
    """The parameters with which APS sends the browser back to the portal."""
    assert response.is_redirect, response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}
