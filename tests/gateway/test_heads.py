"""The heads of answers: what they say of the end of a model."""

from datetime import date

from app.catalog.catalog import load_catalog
from app.gateway.heads import lifecycle_headers


def test_the_end_of_a_model_in_headers() -> None:
    """Deprecation is when it was announced, Sunset when it ends; a model that lives on has neither."""
    shipped = load_catalog()
    ending, ended = shipped.find("gpt-image-1.5"), shipped.find("dall-e-2")
    assert lifecycle_headers(ending) == [
        (b"deprecation", b"@1780358400"), (b"sunset", b"Tue, 01 Dec 2026 00:00:00 GMT"),
    ]  # fmt: skip
    assert lifecycle_headers(ended) == [
        (b"deprecation", b"@1778544000"), (b"sunset", b"Tue, 12 May 2026 00:00:00 GMT"),
    ]  # fmt: skip
    assert (ended.deprecation, ended.sunset) == (date(2026, 5, 12), date(2026, 5, 12))
    assert lifecycle_headers(shipped.find("gpt-image-2")) == []
