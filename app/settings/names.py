"""What the settings are called in the environment, and how a wrong one is told."""

PREFIX = "IMAGEGATE_"
GIVEN_NAMES = {"cometapi_key": "COMETAPI_KEY", "cometapi_base_url": "COMETAPI_BASE_URL"}
"""The upstream's own names (its SDK reads them too), taken as they are."""

CLIENT_VARIABLES = frozenset({"IMAGEGATE_URL", "IMAGEGATE_TOKEN", "IMAGEGATE_KEY"})
"""What the command line reads to reach a gateway; no settings of one."""


class SettingsError(Exception):
    """Settings that cannot be used; the message names each, and is made to be read."""


def variable_name(field: str) -> str:
    """The environment variable of a field."""
    return GIVEN_NAMES.get(field, PREFIX + field.upper())
