"""Paths as base URLs make them."""

import pytest

from app.web.paths import canonical_path


@pytest.mark.parametrize(
    ("path", "read_as"),
    [
        ("/v1/images/generations", "/v1/images/generations"),
        ("/v1/images/generations/", "/v1/images/generations"),
        ("/images/edits", "/v1/images/edits"),
        ("/images/variations//", "/v1/images/variations"),
        ("/models", "/v1/models"),
        ("/models/gpt-image-2", "/v1/models/gpt-image-2"),
        ("/v1/models/black-forest/flux/", "/v1/models/black-forest/flux"),
    ],
)
def test_spellings_of_a_public_route_are_read_as_one(path: str, read_as: str) -> None:
    """Without /v1, with a slash at the end: the same route."""
    assert canonical_path(path) == read_as


@pytest.mark.parametrize(
    "path", ["/", "/images/c2ln/1800000000-abc.png", "/modelsx", "/images/generationsx", "/metrics/"]
)
def test_other_paths_stay_as_they_are(path: str) -> None:
    """Links to pictures, the operator's door and what nobody serves are not rewritten."""
    assert canonical_path(path) == path
