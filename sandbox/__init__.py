"""Stand-ins for APS and AOS, so that the portal runs without an account. Stand-in. Not for production.

A Django project of its own: it shares no code with the portal, listens on loopback only, and refuses to start
unless `DEBUG` is on.
"""
