"""Virtual keys as text: their form, their secret, and that neither ever shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.accounts.credentials import (
    BASE62,
    Credential,
    hash_secret,
    new_id,
    new_secret,
    read_credential,
    virtual_key_text,
    without_secret,
)


def test_a_minted_key_is_read_back() -> None:
    """Team, key and the hash of the secret come out of the text that a teammate holds."""
    team_id, key_id, secret = new_id(), new_id(), new_secret()
    text = virtual_key_text(team_id, key_id, secret)
    assert text.startswith("sk-ig-")
    assert read_credential(text) == Credential(team_id, key_id, hash_secret(secret))


def test_ids_and_secrets_are_base62_and_never_alike() -> None:
    """Eight and thirty-two characters that survive any shell, URL and double click."""
    ids, secrets = {new_id() for _ in range(500)}, {new_secret() for _ in range(500)}
    assert len(ids) == len(secrets) == 500
    assert {len(text) for text in ids} == {8}
    assert {len(text) for text in secrets} == {32}
    assert set("".join(ids | secrets)) == set(BASE62)


FOREIGN = {
    "empty": "",
    "an OpenAI key": "sk-proj-abc-def-ghi",
    "no parts": "sk-ig-",
    "two parts": "sk-ig-team-key",
    "four parts": "sk-ig-team-key-secret-more",
    "an empty part": "sk-ig-team--secret",
    "another alphabet": "sk-ig-team-key-sécret",
    "a brace, which would end a hash tag": "sk-ig-te}am-key-secret",
    "a colon, which would name another Redis key": "sk-ig-team-ke:y-secret",
    "a space inside": "sk-ig-team-key-sec ret",
    "a newline at the end": "sk-ig-team-key-secret\n",
    "too long": "sk-ig-team-key-" + "s" * 200,
    "upper case": "SK-IG-team-key-secret",
}


@pytest.mark.parametrize("text", FOREIGN.values(), ids=FOREIGN)
def test_what_has_another_form_is_no_virtual_key(text: str) -> None:
    """Nothing that could name another key in Redis, or that we did not mint, gets as far as a look-up."""
    assert read_credential(text) is None


@given(st.text(max_size=250))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever stands behind the prefix, the answer is a credential of three base62 parts or none."""
    found = read_credential("sk-ig-" + text)
    if found is not None:
        assert set(found.team_id + found.key_id) <= set(BASE62)


def test_neither_text_nor_hash_of_a_secret_is_printed() -> None:
    """A credential in a log line or a traceback shows its public part alone."""
    found = read_credential(virtual_key_text("team", "key", "secret"))
    assert found is not None
    for shown in (repr(found), str(found), f"{found}", repr([found]), repr(replace(found, team_id="other"))):
        assert found.secret_sha256 not in shown
        assert "secret" not in shown
    assert repr(found) == "<Credential sk-ig-team-key>"


def test_a_name_that_is_a_whole_key_is_not_repeated() -> None:
    """Errors say which name they mean; a key that was pasted for one is told by its public part."""
    text = virtual_key_text("team1234", "key12345", new_secret())
    assert without_secret(text) == "sk-ig-team1234-key12345"
    for name in ("design", "sk-ig-team1234-key12345", "a-b-c-d", ""):
        assert without_secret(name) == name
