"""What can be wrong with hosted pictures before any is made: an address names no store, a signing key is none."""


class StoreAddressError(Exception):
    """No store can be opened at this address; the message is written for the person who set it."""


class SigningKeyError(Exception):
    """The kept signing key cannot be read or made; the message is written for the person who started us."""
