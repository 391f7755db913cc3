"""The manifests are what Kubernetes, the gateway and its image expect: fields, settings, secrets, rights."""

import base64
import json
import re
import subprocess
from pathlib import Path

import pytest

from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import SettingsError, variable_name
from app.settings.sources import is_secret
from app.wiring.version import VERSION
from tests.deploy.manifests import (
    FOLDER,
    OVERLAYS,
    SECRETS,
    Manifests,
    environment_of_pod,
    manifests,
    rendered,
    write_secrets,
)
from tests.support.process import command
from tests.support.programs import tool

pytestmark = pytest.mark.slow  # kubectl, which not every machine has a package of

KUBERNETES = ("1.30", "1.37")
"""The oldest that runs a preStop of kind `sleep` by itself, and the newest the schemas are there for."""

WITHOUT_SCHEMA = {"ServiceMonitor"}
"""Kinds that are not Kubernetes' own."""

OF_STORES = ("AWS_", "GOOGLE_", "AZURE_")
"""Variables that the object store's client reads by itself."""

IMAGE = (FOLDER.parents[1] / "Dockerfile").read_text(encoding="utf-8")

every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@pytest.fixture
def applied(overlay: str) -> Manifests:
    return manifests(overlay)


@pytest.mark.parametrize("version", KUBERNETES)
@every_overlay
def test_every_document_is_valid(overlay: str, version: str, tmp_path: Path) -> None:
    """Every field of every document is one that this Kubernetes knows, and holds what it takes."""
    (tmp_path / "all.yaml").write_text(rendered(overlay), encoding="utf-8")
    words = [tool("kubernetes-validate"), "--strict", "--kubernetes-version", version, "all.yaml"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr

    assert done.returncode == 0, told
    assert set(re.findall(r"find schema for kind (\w+)", told)) <= WITHOUT_SCHEMA


def test_every_file_is_applied() -> None:
    """A file beside a kustomization is named in it; that each named file exists, rendering shows."""
    for kustomization in FOLDER.rglob("kustomization.yaml"):
        text = kustomization.read_text(encoding="utf-8")
        beside = {path.name for path in kustomization.parent.iterdir() if path.is_file()} - {kustomization.name}
        assert {name for name in beside if f"- {name}\n" not in text} == set(), kustomization


@every_overlay
async def test_the_settings_are_in_order(overlay: str, tmp_path: Path) -> None:
    """`imagegate check`, in a pod's environment, finds no fault, and nothing that replicas should share and do not."""
    write_secrets(tmp_path / "secrets")
    told = await command(environment_of_pod(overlay, tmp_path / "secrets"), "check")

    assert "Settings and catalog are in order." in told


@every_overlay
def test_every_variable_is_read_by_somebody(applied: Manifests) -> None:
    """Each is a setting, the file of a secret one, or a variable of the object store."""
    fields = Settings.model_fields.items()
    known = {variable_name(name) for name, _ in fields}
    known |= {f"{variable_name(name)}_FILE" for name, field in fields if is_secret(field)}
    assert {name for name in applied.settings if name not in known and not name.startswith(OF_STORES)} == set()


@every_overlay
def test_secrets_are_named_and_never_held(applied: Manifests, tmp_path: Path) -> None:
    """No Secret is applied and no secret is among the settings: they are files of one Secret, each in its example."""
    files = {name: path for name, path in applied.settings.items() if name.endswith("_FILE") and path}
    secret = {variable_name(name) for name, field in Settings.model_fields.items() if is_secret(field)}
    (volume,) = [volume for volume in applied.gateway["volumes"] if "secret" in volume]
    (mount,) = [mount for mount in applied.container["volumeMounts"] if mount["name"] == volume["name"]]

    assert applied.of("Secret") == []
    assert secret.isdisjoint(applied.settings)
    assert all("env" not in container for pod in applied.templates() for container in pod["spec"]["containers"])
    assert volume["secret"]["secretName"] == "imagegate"
    assert mount["mountPath"] == SECRETS
    assert files == {name: f"{SECRETS}/{name.removesuffix('_FILE')}" for name in files}
    assert {name.removesuffix("_FILE") for name in files} <= set(write_secrets(tmp_path / "secrets"))


def test_the_documented_command_makes_the_secret(tmp_path: Path) -> None:
    """`kubectl create secret`, as the example of its content says it, makes the files that the settings name."""
    text = (FOLDER / "secret.env.example").read_text(encoding="utf-8")
    (line,) = re.findall(r"kubectl (.*create secret.*)", text)
    (tmp_path / "secret.env").write_text(text.replace("COMETAPI_KEY=", "COMETAPI_KEY=sk-a=b"), encoding="utf-8")
    words = [tool("kubectl"), *line.split(), "--dry-run=client", "--output=json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    wanted = {name.removesuffix("_FILE") for name in manifests("production").settings if name.endswith("_FILE")}

    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("imagegate", "imagegate")
    assert set(made["data"]) == wanted
    assert base64.b64decode(made["data"]["COMETAPI_KEY"]) == b"sk-a=b"


@every_overlay
def test_names_of_services_are_kept_out_of_the_environment(applied: Manifests, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that Kubernetes makes of the Service `imagegate` would stop the gateway; pods do without them."""
    monkeypatch.setenv("IMAGEGATE_SERVICE_HOST", "10.0.0.7")
    with pytest.raises(SettingsError, match="IMAGEGATE_SERVICE_HOST"):
        load_settings()
    assert applied.one("Service")
    assert {pod["spec"]["enableServiceLinks"] for pod in applied.templates()} == {False}


@every_overlay
def test_pods_have_no_rights(applied: Manifests) -> None:
    """Not root, nothing to write to but volumes, no capability, no token of Kubernetes: what `restricted` demands."""
    namespace = applied.one("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for template in applied.templates():
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@every_overlay
def test_the_pod_fits_the_image(applied: Manifests) -> None:
    """User, data folder and command are the image's; its tag is a version, and this one."""
    (user,) = re.findall(r"^USER (\d+):\1$", IMAGE, re.MULTILINE)
    (folder,) = re.findall(r"^VOLUME (\S+)$", IMAGE, re.MULTILINE)
    pod, container = applied.gateway, applied.container
    context = pod["securityContext"]
    mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    (claim,) = applied.one("StatefulSet")["spec"]["volumeClaimTemplates"]

    assert [str(context[name]) for name in ("runAsUser", "runAsGroup", "fsGroup")] == [user] * 3
    assert applied.settings["IMAGEGATE_DATA_DIR"] == folder
    assert mounted[folder] == claim["metadata"]["name"]
    assert "/tmp" in mounted
    assert 'ENTRYPOINT ["imagegate"]' in IMAGE
    assert container["args"] == ["serve"]
    images = {container["image"] for template in applied.templates() for container in template["spec"]["containers"]}
    assert {image.rpartition("/")[2] for image in images} == {f"imagegate:{VERSION}"}


@every_overlay
def test_there_is_time_to_stop(applied: Manifests) -> None:
    """A pod gets its preStop, the drain and half a minute; one that hangs does not get that long."""
    pod, container = applied.gateway, applied.container
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = int(applied.settings["IMAGEGATE_DRAIN_SECONDS"])
    hanging = container["livenessProbe"]["terminationGracePeriodSeconds"]

    assert drain == Settings.model_fields["drain_seconds"].default
    assert pod["terminationGracePeriodSeconds"] >= pause + drain + 30
    assert pause + 20 <= hanging < 120


@every_overlay
def test_replicas_are_counted_alike(applied: Manifests) -> None:
    """The set, the setting and the autoscaler agree; beside one the set says no number, or apply would undo it."""
    told = int(applied.settings["IMAGEGATE_REPLICAS"])
    spec = applied.one("StatefulSet")["spec"]
    scalers = applied.of("HorizontalPodAutoscaler")

    if scalers:
        (scaler,) = scalers
        assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "imagegate"}
        assert scaler["spec"]["minReplicas"] == told
        assert "replicas" not in spec
        # A replica that is taken away drains; the next is not taken before it is gone.
        (policy,) = scaler["spec"]["behavior"]["scaleDown"]["policies"]
        assert policy["value"] == 1
        assert policy["periodSeconds"] >= applied.gateway["terminationGracePeriodSeconds"]
    else:
        assert spec["replicas"] == told
