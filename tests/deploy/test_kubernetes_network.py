"""The manifests lead where they should: selectors find pods, ports exist, the operator's door is shut."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.settings.fields import Settings
from tests.deploy.manifests import FOLDER, OVERLAYS, Manifests, manifests, selects

pytestmark = pytest.mark.slow  # kubectl, which not every machine has a package of

every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
NGINX = "nginx.ingress.kubernetes.io/"
F5 = "nginx.org/"


@pytest.fixture
def applied(overlay: str) -> Manifests:
    return manifests(overlay)


def selectors(part: Any) -> Iterator[dict[str, str]]:
    """Every selector of pods in a part of a document, at whatever depth."""
    for name, inner in part.items() if isinstance(part, dict) else ():
        if name in {"selector", "podSelector", "labelSelector"}:
            yield inner.get("matchLabels", inner)  # a Service's has no such step
        else:
            yield from selectors(inner)
    for inner in part if isinstance(part, list) else ():
        yield from selectors(inner)


def of_gateway(applied: Manifests, direction: str) -> list[dict[str, Any]]:
    """The rules of all policies that hold for the replicas; they add up."""
    (labels,) = [labels for labels in applied.labels_of_pods() if labels["app.kubernetes.io/name"] == "imagegate"]
    policies = [
        policy["spec"]
        for policy in applied.of("NetworkPolicy")
        if selects(policy["spec"]["podSelector"]["matchLabels"], labels)
    ]
    assert any(direction.title() in policy["policyTypes"] for policy in policies)
    return [rule for policy in policies for rule in policy.get(direction, ())]


def reaches(applied: Manifests, address: str, port: int) -> bool:
    """Whether a rule lets the gateway connect to this address."""
    wanted = ip_address(address)
    for rule in of_gateway(applied, "egress"):
        blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
        if {"protocol": "TCP", "port": port} in rule["ports"] and any(
            wanted in ip_network(block["cidr"])
            and not any(wanted in ip_network(part) for part in block.get("except", ()))
            for block in blocks
        ):
            return True
    return False


@every_overlay
def test_every_selector_finds_its_pods(applied: Manifests) -> None:
    """Each finds one kind of pod: none would do nothing, and two would mix the gateway with the simulator."""
    others = {"ServiceMonitor"}  # it selects services
    found = [
        (document["kind"], document["metadata"]["name"], selector)
        for document in applied.documents
        for selector in selectors(document)
        if document["kind"] not in others
    ]
    assert len(found) >= 8
    assert [one for one in found if sum(selects(one[2], labels) for labels in applied.labels_of_pods()) != 1] == []
    assert applied.one("Service", applied.one("StatefulSet")["spec"]["serviceName"])["spec"]["clusterIP"] == "None"


@every_overlay
def test_every_port_exists(applied: Manifests) -> None:
    """The container's ports are where the gateway listens; services and probes name ports that their pods have."""
    ports = {port["name"]: port["containerPort"] for port in applied.container["ports"]}
    settings = applied.settings
    assert ports == {"http": int(settings["IMAGEGATE_PORT"]), "operator": int(settings["IMAGEGATE_ADMIN_PORT"])}
    for template in applied.templates():
        (container,) = template["spec"]["containers"]
        there = {port["name"] for port in container["ports"]}
        served = [
            service["spec"]["ports"]
            for service in applied.of("Service")
            if selects(service["spec"]["selector"], template["metadata"]["labels"])
        ]
        probes = [probe for name, probe in container.items() if name.endswith("Probe")]
        assert {port["targetPort"] for ports in served for port in ports} == there
        assert {(probe.get("httpGet") or probe["tcpSocket"])["port"] for probe in probes} == {"http"} <= there


@every_overlay
def test_nobody_is_let_in_at_the_operators_door(applied: Manifests) -> None:
    """No network policy and no ingress opens its port; to the public one only named namespaces come."""
    ports = [port["port"] for rule in of_gateway(applied, "ingress") for port in rule["ports"]]
    peers = [peer for rule in of_gateway(applied, "ingress") for peer in rule["from"]]

    assert ports == [int(applied.settings["IMAGEGATE_PORT"])]
    assert all(peer["namespaceSelector"]["matchLabels"] for peer in peers)


@pytest.mark.parametrize("address", ["169.254.169.254", "10.1.2.3", "100.100.100.200", "192.168.1.1", "fd00:ec2::254"])
@every_overlay
def test_metadata_and_neighbours_are_out_of_reach(applied: Manifests, address: str) -> None:
    """Neither a cloud's metadata service nor a private address is reached, whatever a link says."""
    assert not any(reaches(applied, address, port) for port in (80, 443))


@every_overlay
def test_what_the_gateway_needs_is_within_reach(applied: Manifests) -> None:
    """DNS, public HTTPS by IPv4 and IPv6, and the upstream: the simulator's pods where the settings name it."""
    assert reaches(applied, "8.8.8.8", 443)
    assert reaches(applied, "2606:4700::1", 443)
    ports = [port for rule in of_gateway(applied, "egress") for port in rule["ports"]]
    assert {"protocol": "UDP", "port": 53} in ports

    upstream = urlsplit(applied.settings.get("COMETAPI_BASE_URL", Settings.model_fields["cometapi_base_url"].default))
    if upstream.scheme == "http":
        service = applied.one("Service", upstream.hostname or "")
        (opened,) = [rule for rule in of_gateway(applied, "egress") if "podSelector" in rule["to"][0]]
        assert {"protocol": "TCP", "port": upstream.port} in opened["ports"]
        assert opened["to"][0]["podSelector"]["matchLabels"] == service["spec"]["selector"]


def test_redis_is_within_reach_in_production() -> None:
    """The overlay opens the way to its Redis, at the port the example of its address has."""
    at_its_port = {"protocol": "TCP", "port": 6379}
    (redis,) = [rule for rule in of_gateway(manifests("production"), "egress") if at_its_port in rule["ports"]]
    assert redis["to"][0]["ipBlock"]["cidr"] != "0.0.0.0/0"


def test_prometheus_scrapes_each_replica_with_its_token() -> None:
    """The monitor finds the one headless service, a port it has, and the token where the Secret has it."""
    applied = manifests("production")
    (monitor,) = applied.of("ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    (service,) = [
        service
        for service in applied.of("Service")
        if selects(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
    ]
    credentials = endpoint["authorization"]["credentials"]

    assert service["spec"]["clusterIP"] == "None"
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "imagegate"
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["path"] == "/metrics"
    assert f"{credentials['key']}_FILE" in applied.settings
    assert f"\n{credentials['key']}=" in (FOLDER / "secret.env.example").read_text(encoding="utf-8")
    (volume,) = [volume for volume in applied.gateway["volumes"] if "secret" in volume]
    assert credentials["name"] == volume["secret"]["secretName"]


def test_the_ingress_leads_to_public_paths_alone() -> None:
    """Its paths are the public door's, its host that of the links, and its backend the service that has that port."""
    applied = manifests("production")
    ingress = applied.one("Ingress")["spec"]
    (rule,) = ingress["rules"]
    (tls,) = ingress["tls"]
    services = {service["metadata"]["name"]: service for service in applied.of("Service")}

    assert {path["path"] for path in rule["http"]["paths"]} == {"/v1", "/images", "/console"}
    assert tls["hosts"] == [rule["host"]]
    assert applied.settings["IMAGEGATE_PUBLIC_URL"] == f"https://{rule['host']}"
    for path in rule["http"]["paths"]:
        backend = path["backend"]["service"]
        assert backend["name"] == "imagegate"
        assert backend["port"]["name"] in {port["name"] for port in services[backend["name"]]["spec"]["ports"]}


def test_the_ingress_is_more_patient_than_the_gateway() -> None:
    """Each controller is told to wait longer, to take what the gateway takes, and to hold nothing back."""
    told = manifests("production").one("Ingress")["metadata"]["annotations"]
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    largest = f"{defaults['max_upload_bytes'] // 1024**2}m"

    assert int(told[f"{NGINX}proxy-read-timeout"]) > defaults["upstream_total_seconds"]
    assert int(told[f"{NGINX}proxy-send-timeout"]) > defaults["upload_seconds"]
    for name in ("proxy-read-timeout", "proxy-send-timeout"):
        assert told[F5 + name] == f"{told[NGINX + name]}s"
    assert told[f"{NGINX}proxy-body-size"] == told[f"{F5}client-max-body-size"] == largest
    assert told[f"{NGINX}proxy-buffering"] == told[f"{NGINX}proxy-request-buffering"] == "off"
    assert told[f"{F5}proxy-buffering"] == "False"
