"""A real gateway in the environment of a pod: probes answer, doors are where the services lead, a picture comes."""

from pathlib import Path

import httpx
import pytest

from app.simulator.server import Simulator
from tests.deploy.manifests import environment_of_pod, manifests, write_secrets
from tests.support.ports import free_port
from tests.support.process import command, environment, serving

pytestmark = pytest.mark.slow

BY_THE_INGRESS = {"X-Forwarded-For": "203.0.113.7"}
"""What a request from outside carries; without it everything here would be loopback."""


async def test_a_pod_of_the_demo_serves(tmp_path: Path) -> None:
    """With the demo's settings, only addresses and folders changed: probes, both doors, the scrape, team, key, picture.

    That requests in flight at SIGTERM are finished, and new ones refused, is shown in tests/paid_once/test_stopping.py.
    """
    secrets = write_secrets(tmp_path / "secrets")
    ports = {name: str(free_port()) for name in ("IMAGEGATE_PORT", "IMAGEGATE_ADMIN_PORT")}
    async with Simulator() as simulator:
        here = {"IMAGEGATE_HOST": "127.0.0.1", "COMETAPI_BASE_URL": simulator.url, **ports}
        pod = environment_of_pod("demo", tmp_path / "secrets")
        clean = environment(tmp_path / "data", simulator)
        del clean["COMETAPI_KEY"]  # it is in a file
        given = clean | pod | here | {"IMAGEGATE_DATA_DIR": str(tmp_path / "data")}
        async with (
            serving(given),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['IMAGEGATE_PORT']}", headers=BY_THE_INGRESS) as http,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{ports['IMAGEGATE_ADMIN_PORT']}",
                headers={"Authorization": f"Bearer {secrets['IMAGEGATE_ADMIN_TOKEN']}"},
            ) as operator,
        ):
            await expect_probes(http)
            await expect_scrape(http, secrets["IMAGEGATE_METRICS_TOKEN"])
            closed = await http.get("/admin/v1/teams", headers=operator.headers)
            # As `kubectl exec` runs it, in the pod's environment; the key as by `kubectl port-forward`.
            await command(given, "teams", "create", "design", "--budget", "10")
            key = await operator.post("/admin/v1/teams/design/keys", json={"alias": "ana"})
            picture = await http.post(
                "/v1/images/generations",
                json={"prompt": "a boat"},
                headers={"Authorization": f"Bearer {key.json()['key']}"},
            )

    assert closed.status_code == 404
    assert picture.status_code == 200, picture.text[:300]
    assert picture.json()["data"][0]["b64_json"]


async def expect_probes(http: httpx.AsyncClient) -> None:
    """Every probe of the manifests gets its 200."""
    container = manifests("demo").container
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = await http.get(container[probe]["httpGet"]["path"])
        assert asked.status_code == 200, probe


async def expect_scrape(http: httpx.AsyncClient, token: str) -> None:
    """Prometheus reads the metrics with the Secret's token, and nobody does without."""
    (monitor,) = manifests("production").of("ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    bearer = {"Authorization": f"{endpoint['authorization']['type']} {token}"}

    assert (await http.get(endpoint["path"])).status_code == 401
    assert "imagegate_in_flight_requests" in (await http.get(endpoint["path"], headers=bearer)).text
