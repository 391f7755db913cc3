"""Settings of any text: they are taken, or one line names the setting and shows no secret."""

from hypothesis import given
from hypothesis import strategies as st

from app.datastore.address import AddressError, parse_address
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import SettingsError, variable_name

PARTS = (
    *(
        "redis",
        "rediss",
        "s3",
        "http",
        "https",
        "unix",
        "+cluster",
        "+sentinel",
        "://",
        "a",
        "[",
        "]",
        "@",
        "\x00",
        "ü",
    ),
    *(":", "/", ",", "?", "#", "%", "=", "db=1", "1", "-1", "99999", "1e9", "nan", "inf", "\x00"),
)
WORDS = st.lists(st.sampled_from(PARTS), max_size=9).map("".join)
FIELDS = st.sampled_from([name for name in Settings.model_fields if name != "ca_bundle"])
"""All but the one that is a file's name."""
SECRET = "sk-a-very-secret-one"


@given(field=FIELDS, text=WORDS | st.text(max_size=12))
def test_any_text_is_a_setting_or_told(field: str, text: str) -> None:
    """Nothing but SettingsError ends a start, and it begins with the variable's name."""
    try:
        load_settings(**{field: text})
    except SettingsError as error:
        assert str(error).startswith(variable_name(field))  # noqa: PT017 - or it is taken


@given(st.sampled_from(["redis", "rediss", "unix", "redis+cluster", "redis+sentinel", "http", "x", ""]), WORDS)
def test_an_address_of_redis_is_read_or_told_without_its_password(scheme: str, after: str) -> None:
    """What is wrong with one is said without repeating who we are there."""
    try:
        found = parse_address(f"{scheme}://user:{SECRET}@{after}")
    except AddressError as error:
        assert SECRET not in str(error)  # noqa: PT017 - or it is read
        return
    assert SECRET not in repr(found)
