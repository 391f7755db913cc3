"""Settings: where they come from, and what a wrong one says."""

import os
from pathlib import Path

import pytest

from app.ledger.archive import LEAST_DAYS
from app.settings.checks import retention
from app.settings.loading import load_settings
from app.settings.names import SettingsError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches these tests."""
    for name in list(os.environ):
        if name.startswith(("IMAGEGATE_", "COMETAPI_")):
            monkeypatch.delenv(name)


def test_a_secret_can_be_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """COMETAPI_KEY_FILE names a file; its content, without the line's end, is the key, and no print shows it."""
    (tmp_path / "key").write_text("sk-from-a-file\n")
    monkeypatch.setenv("COMETAPI_KEY_FILE", str(tmp_path / "key"))
    settings = load_settings()

    assert settings.cometapi_key is not None
    assert settings.cometapi_key.get_secret_value() == "sk-from-a-file"
    assert "sk-from-a-file" not in repr(settings)


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file is an error that names the variable and the path."""
    monkeypatch.setenv("IMAGEGATE_ADMIN_TOKEN_FILE", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match=r"IMAGEGATE_ADMIN_TOKEN_FILE: cannot read .*missing"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("IMAGEGATE_PORT", "eighty", "IMAGEGATE_PORT: found 'eighty'"),
        ("IMAGEGATE_PORT", "70000", "less than or equal to 65535"),
        ("IMAGEGATE_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("COMETAPI_BASE_URL", "ftp://x", "COMETAPI_BASE_URL: found 'ftp://x'"),
        ("IMAGEGATE_REDIS_URL", "postgres://secret@x", "begins with redis:// or rediss:// or unix:// is wanted"),
        ("IMAGEGATE_REDIS_URL", "redis://h:notaport", "IMAGEGATE_REDIS_URL: found a secret of the wrong form"),
        ("COMETAPI_BASE_URL", "http://[::1", "COMETAPI_BASE_URL: found"),
        ("COMETAPI_BASE_URL", "http://", "a host and a path is wanted"),
        ("COMETAPI_BASE_URL", "http://host:99999/v1", "COMETAPI_BASE_URL: found"),
        ("COMETAPI_KEY", "sk-ключ", "COMETAPI_KEY: found a secret of the wrong form"),
        ("COMETAPI_KEY", "Bearer sk-abc", "without `Bearer`"),
        ("IMAGEGATE_CA_BUNDLE", "/nowhere.pem", "a readable PEM file of certificates is wanted"),
        ("IMAGEGATE_BODY_SECONDS", "-1", "greater than 0"),
        ("IMAGEGATE_TYPO", "1", "IMAGEGATE_TYPO: there is no such setting; see docs/configuration.md"),
        ("IMAGEGATE_IMAGE_STORE", "ftp://x", "s3:// or gs:// or az://"),
        ("IMAGEGATE_IMAGE_STORE", "s3://", "a bucket is wanted"),
        ("IMAGEGATE_PUBLIC_URL", "images.example.com", "http:// or https://"),
        ("IMAGEGATE_TOTAL_BUDGET", "0", "above zero"),
        ("IMAGEGATE_FETCH_NETWORKS", "10.0.0.0/99", "not a valid"),
        ("IMAGEGATE_LEDGER_DAYS", "7", "8 days at least are wanted"),
    ],
)
def test_a_wrong_setting_says_what_is_wanted(monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    """The name of the variable, what was found, and the rule."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as wrong:
        load_settings()

    assert told in str(wrong.value)


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of the wrong form is named, not shown."""
    monkeypatch.setenv("IMAGEGATE_ADMIN_TOKEN", "too-short")
    monkeypatch.setenv("IMAGEGATE_REDIS_URL", "postgres://secret@x")
    with pytest.raises(SettingsError) as wrong:
        load_settings()

    assert "IMAGEGATE_ADMIN_TOKEN" in str(wrong.value)
    assert "too-short" not in str(wrong.value)
    assert "secret@x" not in str(wrong.value)


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass what is not set as an empty string: that is no setting."""
    monkeypatch.setenv("IMAGEGATE_ADMIN_TOKEN", "")
    monkeypatch.setenv("COMETAPI_KEY", "")
    monkeypatch.setenv("IMAGEGATE_CATALOG_DIR", "")
    settings = load_settings()

    assert settings.admin_token is None
    assert settings.cometapi_key is None
    assert settings.catalog_dir is None


def test_entries_are_kept_as_long_as_the_archive_wants() -> None:
    """The least that the setting allows is what the archive leaves in Redis in any case: one rule in two rooms."""
    assert retention(LEAST_DAYS) == LEAST_DAYS
    assert retention(0) == 0
    with pytest.raises(ValueError, match=f"{LEAST_DAYS} days at least"):
        retention(LEAST_DAYS - 1)


def test_what_is_not_given_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command passes its options on as they are: one that was left out, or is empty, changes nothing."""
    monkeypatch.setenv("IMAGEGATE_DATA_DIR", "/srv/imagegate")
    for nothing in (None, ""):
        assert load_settings(data_dir=nothing).data_dir == Path("/srv/imagegate")


def test_given_values_win() -> None:
    """What a command gives wins over everything."""
    assert load_settings(port=1234).port == 1234
