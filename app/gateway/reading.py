"""How a request is read: what the key chose, else what the gateway does. Pure."""

from app.accounts.models import KeyOptions
from app.catalog.policy import Policy


def policy_of(options: KeyOptions, own: Policy) -> Policy:
    """The choices in force for a key; ``own`` are the gateway's."""
    if options == KeyOptions():
        return own
    return Policy(
        strict=own.strict if options.strict is None else options.strict,
        pass_unknown_fields=(
            own.pass_unknown_fields if options.unknown_fields is None else options.unknown_fields == "pass"
        ),
        fan_out=own.fan_out or options.fan_out,
    )
