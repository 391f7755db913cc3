"""docker-compose.yml is valid, fits the files it mounts, the settings and the image, and gives no right too many."""

import hashlib
import re
import stat
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from app.settings.fields import Settings
from app.settings.names import variable_name
from app.settings.sources import is_secret
from app.wiring.version import VERSION
from tests.deploy.composition import (
    COMPOSE_FILE,
    GATEWAYS,
    PRODUCTION,
    Composition,
    composition,
    demo_variables,
    make_secrets,
)
from tests.house.tree import ROOT
from tests.support.process import command
from tests.support.programs import tool

DRAIN_SECONDS = Settings.model_fields["drain_seconds"].default
DEPLOY = ROOT / "deploy"
MASTER_OF_NGINX = ["CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"]
"""What nginx needs to listen below 1024 and to start its workers as a user of theirs."""


@pytest.fixture(params=[PRODUCTION, demo_variables()], ids=["production", "demo"])
def composed(request: pytest.FixtureRequest) -> Composition:
    return composition(request.param)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A folder of secrets as the script makes them."""
    done = make_secrets(tmp_path / "secrets", key="sk-of-the-tests\n")
    assert done.returncode == 0, done.stderr
    return tmp_path / "secrets"


needs_openssl = pytest.mark.slow
"""Of tests that run make-secrets: openssl and sha256sum are the system's."""


def seconds(text: str) -> int:
    """How long Compose waits: `690s`, `16m`."""
    return int(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def test_every_field_is_known() -> None:
    """The file is what the Compose specification says one is."""
    words = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_public_address_is_asked_for() -> None:
    """Without PUBLIC_URL nothing starts, and the message says what to put where; nothing else has to be said."""
    with pytest.raises(AssertionError, match=r"PUBLIC_URL is not set: put the address clients reach into \.env"):
        composition({})


@needs_openssl
def test_every_file_that_is_mounted_is_there(composed: Composition, secrets: Path) -> None:
    """Each is in the repository, or made by make-secrets; nobody can write to it."""
    made = {path.relative_to(secrets).as_posix() for path in secrets.rglob("*")}
    folders = set()
    for service in composed.services.values():
        for mount in service.get("volumes", []):
            if isinstance(mount, str):
                assert mount.partition(":")[0] in composed.document["volumes"]
                continue
            assert mount["read_only"] is True
            if mount["source"].startswith("./deploy/"):
                assert (ROOT / mount["source"]).exists(), mount["source"]
            else:
                folders.add(Path(mount["source"]))
    (tls,) = folders
    for file in [str(tls), *composed.secrets.values()]:
        assert Path(file).relative_to(tls.parent).as_posix() in made
    assert {"tls/fullchain.pem", "tls/privkey.pem"} <= made


def test_every_variable_of_a_gateway_is_a_setting(composed: Composition) -> None:
    """Each is a setting or the file of a secret one, and no secret is said in the open."""
    fields = Settings.model_fields.items()
    secret = {variable_name(name) for name, field in fields if is_secret(field)}
    known = {variable_name(name) for name, _ in fields} - secret | {f"{name}_FILE" for name in secret}
    for name in GATEWAYS:
        service = composed.services[name]
        files = [value for variable, value in service["environment"].items() if variable.endswith("_FILE")]

        assert set(service["environment"]) <= known
        assert sorted(files) == sorted(f"/run/secrets/{secret}" for secret in service["secrets"])
    for service in composed.services.values():
        named = re.findall(r"\S*(?:KEY|PASSWORD|SECRET|TOKEN)\S*", " ".join(service.get("environment", [])))
        assert all(variable.endswith("_FILE") for variable in named)


@needs_openssl
async def test_the_settings_are_in_order(composed: Composition, secrets: Path, tmp_path: Path) -> None:
    """`imagegate check`, in the environment of each gateway, finds no fault, and nothing two replicas should share."""
    for name in GATEWAYS:
        environment = composed.environment(name, secrets, tmp_path / "shared")
        told = await command(environment | {"IMAGEGATE_DATA_DIR": str(tmp_path / name)}, "check")
        assert "Settings and catalog are in order." in told
        assert "With several replicas" not in told
    assert composed.services[GATEWAYS[0]]["environment"]["IMAGEGATE_REPLICAS"] == str(len(GATEWAYS))


def test_the_gateways_differ_in_volume_and_address_alone(composed: Composition) -> None:
    """Each has its own journal; both have the pictures; nginx and Prometheus know both by name."""
    first, second = (composed.services[name] for name in GATEWAYS)
    volumes = [
        {mount.partition(":")[2]: mount.partition(":")[0] for mount in one["volumes"]} for one in (first, second)
    ]

    assert {name: value for name, value in first.items() if name not in ("volumes", "networks")} == {
        name: value for name, value in second.items() if name not in ("volumes", "networks")
    }
    assert volumes[0]["/data"] != volumes[1]["/data"]
    assert volumes[0]["/shared"] == volumes[1]["/shared"]
    stores = [value for name, value in first["environment"].items() if name.endswith("_STORE")]
    assert len(stores) == 3
    assert all(store.startswith("/shared/") for store in stores)
    upstreams = (DEPLOY / "nginx/site/gateways.conf").read_text(encoding="utf-8")
    targets = yaml.safe_load((DEPLOY / "prometheus/targets/gateways.yml").read_text(encoding="utf-8"))
    assert re.findall(r"^server (\S+) max_fails=0;$", upstreams, re.MULTILINE) == [f"{name}:8080" for name in GATEWAYS]
    assert targets[0]["targets"] == [f"{name}:8080" for name in GATEWAYS]


def test_addresses_do_not_get_into_each_others_way(composed: Composition) -> None:
    """Fixed addresses lie outside the range of the others, and nginx alone is believed about who is calling."""
    (range_,) = composed.document["networks"]["inside"]["ipam"]["config"]
    given = [ip_address(composed.address(name)) for name in (*GATEWAYS, "nginx")]

    assert len(set(given)) == 3
    assert all(address in ip_network(range_["subnet"]) for address in given)
    assert all(address not in ip_network(range_["ip_range"]) for address in given)
    for name in GATEWAYS:
        assert composed.services[name]["environment"]["IMAGEGATE_TRUSTED_PROXIES"] == f"{composed.address('nginx')}/32"


def test_there_is_time_to_stop(composed: Composition) -> None:
    """Gateways get their drain and half a minute, nginx what an answer may take, and nginx stops first."""
    timeout = re.findall(r"proxy_read_timeout (\d+)s;", (DEPLOY / "nginx/nginx.conf").read_text(encoding="utf-8"))
    for name in GATEWAYS:
        service = composed.services[name]
        assert service["environment"]["IMAGEGATE_DRAIN_SECONDS"] == f"{DRAIN_SECONDS:g}"
        assert seconds(service["stop_grace_period"]) >= DRAIN_SECONDS + 30
    assert seconds(composed.services["nginx"]["stop_grace_period"]) >= max(map(int, timeout))
    assert set(composed.services["nginx"]["depends_on"]) == set(GATEWAYS)


def test_nobody_has_a_right_too_many(composed: Composition) -> None:
    """Nothing can be written to but volumes and memory, and no core; nginx alone has capabilities; Redis is inside."""
    for name, service in composed.services.items():
        assert service["read_only"] is True
        assert service["ulimits"] == {"core": 0}
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("cap_add", []) == (MASTER_OF_NGINX if name == "nginx" else [])
        assert service["restart"] == "unless-stopped"
        assert ("healthcheck" in service) is (name not in GATEWAYS)  # theirs is the image's
        assert "privileged" not in service
    reach_redis = {name for name, service in composed.services.items() if "books" in service["networks"]}
    assert reach_redis == {"redis", *GATEWAYS}
    assert composed.services["redis"]["networks"] == ["books"]
    assert composed.document["networks"]["books"] == {"internal": True}


def test_only_nginx_is_published_and_grafana_here() -> None:
    """Other machines reach nginx; Grafana is for this one; of the demo nothing is reached from elsewhere."""
    for variables, address in ((PRODUCTION, "0.0.0.0"), (demo_variables(), "127.0.0.1")):
        services = composition(variables).services
        assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
            "nginx": [f"{address}:80:80", f"{address}:443:443"],
            "grafana": ["127.0.0.1:3000:3000"],
        }


def test_images_have_a_version(composed: Composition) -> None:
    """What starts tomorrow is what started today; our own is this version."""
    for name, service in composed.services.items():
        image, _, tag = service["image"].partition(":")
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?", tag), name
        assert image != "imagegate" or tag == VERSION


def test_profiles_keep_the_simulator_out() -> None:
    """It belongs to the demo, whose gateways buy from it and take pictures from nowhere else that is not public."""
    demo, production = composition(demo_variables()), composition(PRODUCTION)
    bought = urlsplit(demo.services["gateway-1"]["environment"]["COMETAPI_BASE_URL"])
    simulator = demo.services[bought.hostname or ""]
    (network,) = demo.document["networks"]["inside"]["ipam"]["config"]

    assert {name for name, service in production.services.items() if "profiles" in service} == {"simulator"}
    assert str(bought.port) in simulator["command"]
    assert demo.services["gateway-1"]["environment"]["IMAGEGATE_FETCH_NETWORKS"] == network["subnet"]
    environment = production.services["gateway-1"]["environment"]
    assert environment["COMETAPI_BASE_URL"] == Settings.model_fields["cometapi_base_url"].default
    assert environment["IMAGEGATE_FETCH_NETWORKS"] == ""


@needs_openssl
def test_secrets_fit_together(secrets: Path) -> None:
    """Redis knows the password that the gateways have; each file can be read inside, and the folder by nobody else."""
    password = (secrets / "redis_password").read_text().strip()
    url = urlsplit((secrets / "redis_url").read_text().strip())

    assert (url.username, url.password, url.hostname, url.port) == ("imagegate", password, "redis", 6379)
    assert f"#{hashlib.sha256(password.encode()).hexdigest()} " in (secrets / "users.acl").read_text()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.rglob("*") if path.is_file()} == {0o444}
    assert (secrets / "cometapi_key").read_text() == "sk-of-the-tests\n"
    metrics = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    files = [job["authorization"]["credentials_file"] for job in metrics["scrape_configs"]]
    assert set(files) == {"/run/secrets/metrics_token"}


@needs_openssl
def test_secrets_are_made_once(secrets: Path) -> None:
    """Run again, the script changes nothing; what is missing comes back; without a key it says so and leaves none."""
    before = {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}
    (secrets / "admin_token").unlink()
    assert make_secrets("--demo", secrets).returncode == 0
    after = {path: path.read_bytes() for path in secrets.rglob("*") if path.is_file()}

    assert {path.name for path in before if before[path] != after[path]} == {"admin_token"}
    refused = make_secrets(secrets.parent / "none")
    assert refused.returncode == 1
    assert "no CometAPI key was given" in refused.stderr
    assert not (secrets.parent / "none" / "cometapi_key").exists()
