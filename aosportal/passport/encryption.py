"""Encryption of tokens at rest: Fernet, with the keys of TOKEN_ENCRYPTION_KEYS, newest first.

Fernet binds nothing outside itself, so the field's name and its owner go inside the plaintext and are compared after
decryption: a ciphertext moved to another row or column is of no use there.
"""

import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from aosportal.secret import Secret


class CannotDecrypt(Exception):
    """The text was sealed with a key that is gone, for another owner or field, or was changed."""


def seal(secret: Secret, *, field: str, owner: str) -> str:
    """Encrypt with the newest key, bound to `field` and `owner`."""
    plaintext = json.dumps([field, owner, secret.reveal()])
    return _fernet().encrypt(plaintext.encode()).decode()


def unseal(sealed: str, *, field: str, owner: str) -> Secret:
    """Decrypt what `seal` made for the same field and owner, with any of the keys. Raises CannotDecrypt."""
    try:
        plaintext = _fernet().decrypt(sealed.encode())
    except InvalidToken:
        raise CannotDecrypt(f"{field} of {owner} cannot be decrypted with the present keys") from None
    found_field, found_owner, text = json.loads(plaintext)
    if (found_field, found_owner) != (field, owner):
        raise CannotDecrypt(f"{field} of {owner} was sealed for another field or owner")
    return Secret(text)


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.TOKEN_ENCRYPTION_KEYS])
