"""What the rest of the portal may listen to: this package knows none of it."""

from django.dispatch import Signal

signed_out = Signal()
"""Sign-ins have ended, whatever ended them. Sent with `grants`, a list of them, in the transaction that ends them."""
