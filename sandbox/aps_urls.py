"""The addresses of the stand-in APS."""

from django.conf import settings
from django.urls import include, path
from django.views.static import serve
from oauth2_provider import views as toolkit

from sandbox.passport import views

# The toolkit looks its own endpoints up by this namespace.
provider = [
    path("connect/authorize", views.Authorize.as_view(), name="authorize"),
    path("connect/token", views.Token.as_view(), name="token"),
    path("connect/revoke", toolkit.RevokeTokenView.as_view(), name="revoke-token"),
    path("connect/introspect", toolkit.IntrospectTokenView.as_view(), name="introspect"),
    path("connect/userinfo", toolkit.UserInfoView.as_view(), name="user-info"),
    path("connect/logout", views.EndSession.as_view(), name="rp-initiated-logout"),
    path(".well-known/jwks", toolkit.JwksInfoView.as_view(), name="jwks-info"),
    path(".well-known/openid-configuration", views.Discovery.as_view(), name="oidc-connect-discovery-info"),
]

urlpatterns = [
    path("", include((provider, "oauth2_provider"))),
    path("", views.home, name="home"),
    path("login", views.sign_in, name="login"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("static/<path:path>", serve, {"document_root": settings.STATIC_ROOT}),
]
