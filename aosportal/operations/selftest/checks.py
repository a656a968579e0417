"""The checks, in the order in which one would look."""

from . import here, passport, services
from .results import Check

ALL = (
    Check("Configuration", here.configuration),
    Check("Database", here.database),
    Check("Migrations", here.migrations, ("Database",)),
    Check("Cache", here.shared_cache),
    Check("Encryption keys", here.encryption_keys, ("Migrations",)),
    Check("Worker", here.worker, ("Migrations",)),
    Check("Client secret's expiry", here.client_secret_expiry),
    Check("APS: TLS", passport.tls),
    Check("APS: clock", passport.clock),
    Check("APS: discovery", passport.discovered),
    Check("APS: signing keys", passport.signing_keys, ("APS: discovery",)),
    Check("APS: redirect URI", passport.redirect_uri, ("APS: discovery",)),
    Check("APS: client credentials", passport.own_access, ("APS: discovery",)),
    Check("AOS: TLS", services.tls),
    Check("AOS: list", services.listing),
)
