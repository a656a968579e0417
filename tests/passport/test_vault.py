"""The token vault at rest: encryption, its binding to field and owner, key rotation."""

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command

from aosportal.passport.encryption import CannotDecrypt, seal, unseal
from aosportal.passport.models import Grant
from aosportal.secret import Secret
from tests.conftest import person


def test_what_is_sealed_is_not_readable_and_comes_back():
    sealed = seal(Secret("AT-CANARY"), field="access_token", owner="grant 1")

    assert "CANARY" not in sealed
    assert unseal(sealed, field="access_token", owner="grant 1") == Secret("AT-CANARY")


@pytest.mark.parametrize(("field", "owner"), [("refresh_token", "grant 1"), ("access_token", "grant 2")])
def test_a_ciphertext_of_another_field_or_owner_is_of_no_use(field, owner):
    sealed = seal(Secret("AT-CANARY"), field="access_token", owner="grant 1")
    with pytest.raises(CannotDecrypt) as raised:
        unseal(sealed, field=field, owner=owner)

    assert "CANARY" not in str(raised.value)


def test_a_row_with_somebody_elses_ciphertext_gives_nothing(alice, bob):
    Grant.objects.filter(pk=bob.grant.pk).update(access_token=alice.grant.access_token)
    with pytest.raises(CannotDecrypt):
        Grant.objects.get(pk=bob.grant.pk).token("access_token")


def test_d17_no_token_is_in_the_database_in_clear(alice):
    columns = Grant.objects.values().get()

    assert not any(word in str(columns) for word in ("alice-token", "alice-refresh"))


def test_keys_rotate_without_signing_anyone_out(alice, settings):
    old, new = settings.TOKEN_ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    settings.TOKEN_ENCRYPTION_KEYS = [new, old]
    assert Grant.objects.get().token("access_token") == Secret("alice-token")

    output = io.StringIO()
    call_command("reencrypt_tokens", stdout=output)
    settings.TOKEN_ENCRYPTION_KEYS = [new]
    assert "2 tokens" in output.getvalue()
    assert Grant.objects.get().token("access_token") == Secret("alice-token")
    assert Grant.objects.get().token("refresh_token") == Secret("alice-refresh")


def test_reencryption_says_what_it_cannot_read(alice, settings):
    settings.TOKEN_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    errors = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("reencrypt_tokens", stdout=io.StringIO(), stderr=errors)

    assert "Unreadable tokens" in errors.getvalue()


def test_reencryption_never_overwrites_a_token_renewed_meanwhile(alice, monkeypatch):
    from aosportal.operations.management.commands import reencrypt_tokens

    def renew_first(secret, *, field, owner):
        Grant.objects.filter(access_token=alice.grant.access_token).update(access_token="newer")
        return seal(secret, field=field, owner=owner)

    monkeypatch.setattr(reencrypt_tokens, "seal", renew_first)
    call_command("reencrypt_tokens", stdout=io.StringIO())
    assert Grant.objects.get().access_token == "newer"


def test_ending_a_grant_forgets_its_tokens(alice):
    alice.grant.end("signed out")

    assert (alice.grant.is_active, alice.grant.access_token, alice.grant.refresh_token) == (False, "", "")


def test_d18_a_secret_shows_itself_to_nobody():
    import pickle

    secret = Secret("AT-CANARY")
    shown = f"{secret} {secret!r} {[secret]} {{'a': {secret}}} %s" % secret
    assert "CANARY" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_a_grants_text_names_no_token(db):
    grant = person("alice").grant

    assert "alice-token" not in f"{grant!r} {grant} {vars(grant)}"
