"""AOS Portal: see and tidy the names of your Alliance Online Services subscriptions."""

__version__ = "0.1.0"  # as in pyproject.toml; a test compares
