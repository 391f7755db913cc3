"""The address of a gateway as commands are told it, and what to say where nothing can be had of an address or file."""

import click
import httpx


def gateway_address(text: str) -> httpx.URL:
    """A gateway's, with or without the /v1 that SDKs want. A login in it would go out in the place of key or token.

    Raises:
        click.UsageError: it is no address.

    """
    try:
        address = httpx.URL(text.rstrip("/").removesuffix("/v1"))
    except (httpx.InvalidURL, UnicodeError):
        address = httpx.URL()
    if address.scheme not in ("http", "https") or not address.host or address.userinfo:
        without_login = text.rpartition("@")[2]
        raise click.UsageError(f"{without_login} is no address of a gateway, such as http://127.0.0.1:8080")
    return address


def unusable(error: OSError) -> click.ClickException:
    """What to say of a file that cannot be used; any other trouble is a fault of ours, and raised again."""
    if not error.filename:
        raise error
    return click.ClickException(
        f"{error.filename} cannot be used: {error.strerror}. The data folder and all in it must be the gateway's "
        "user's own; IMAGEGATE_DATA_DIR or --data-dir names another."
    )


def no_gateway(status: int) -> click.ClickException:
    """What to say of an answer that no imagegate gives."""
    return click.ClickException(f"--url leads to no imagegate: it answered {status} in another form.")
