"""Paths as base URLs make them."""

from pathlib import Path

import pytest

from app.main import create_app
from app.settings.loading import load_settings
from app.web.paths import canonical_path
from app.wiring.services import open_services


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


async def test_every_public_route_is_known(tmp_path: Path) -> None:
    """Whoever adds a route under /v1 adds it to those that are found without the /v1."""
    async with open_services(load_settings(data_dir=tmp_path), f"unix://{tmp_path}/x", background=False) as services:
        paths = {getattr(route, "path", "") for route in create_app(services).routes}
    public = {path.replace("{model:path}", "gpt-image-2").replace("{id}", "req_1") for path in paths}
    routes = {path for path in public if path.startswith("/v1/")}
    assert len(routes) > 5
    assert {canonical_path(f"{path.removeprefix('/v1')}/") for path in routes} == routes
