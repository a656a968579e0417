"""The stand-in for Alliance Passport Services: an OpenID Provider on django-oauth-toolkit."""
