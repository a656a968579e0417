"""The hash of the client's secret."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class OneRound(PBKDF2PasswordHasher):
    """One round is enough for a random secret, and keeps each token call fast. Never for a password."""

    algorithm = "sandbox_one_round"
    iterations = 1
