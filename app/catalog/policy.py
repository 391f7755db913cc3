"""How a request is read where a gateway and a key may differ: what is refused, what is left out, what is sent on."""

from msgspec import Struct


class Policy(Struct, frozen=True):
    """The choices in force for one request."""

    strict: bool = False
    """Refuse a parameter that the model does not take, instead of leaving it out and saying so."""
    pass_unknown_fields: bool = False
    """Send fields that nobody knows upstream as they are, instead of refusing them."""
    fan_out: bool = False
    """Send a request for several pictures as several, where the model makes one at a time."""
