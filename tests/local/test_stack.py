"""The local stack on the embedded cluster: the real program, engine, rules, images, gateway, pod and model."""

from __future__ import annotations

import concurrent.futures
import copy
import re
import shutil
import signal
import subprocess
from http import HTTPStatus
from os import kill
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from infra import settings
from local import status
from local.paths import Paths
from local.predict import predict
from local.stack import LocalStack
from model_build.manifest import LOCAL_FIRST, find_receipt
from tests.local.conftest import CHECKOUT, run_local
from tests.local.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.local.conftest import RunningCluster

    Change = Callable[[Callable[[dict[str, Any]], object]], LocalStack]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

PREFIX = "inferstack:"
UPDATE = ("--skip-preview", "--suppress-outputs")


def _make(target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", target], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def made(cluster: RunningCluster) -> subprocess.CompletedProcess[str]:
    """What `make up` answered; the stack is as the repository's stack file says, and the cluster is up."""
    assert cluster.node
    answer = _make("up")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer


@pytest.fixture
def stack(made: subprocess.CompletedProcess[str]) -> LocalStack:
    """The local stack, applied."""
    assert made.returncode == 0
    return LocalStack(Paths.of_this_checkout())


@pytest.fixture
def edited(made: subprocess.CompletedProcess[str], tmp_path: Path) -> Change:
    """Makes a stack whose file is the repository's with a change; for previews, after which nothing is to be undone."""
    assert made.returncode == 0
    document = yaml.safe_load((CHECKOUT / "Pulumi.local.yaml").read_text(encoding="utf-8"))

    def change(edit: Callable[[dict[str, Any]], object]) -> LocalStack:
        config = {key.removeprefix(PREFIX): value for key, value in copy.deepcopy(document["config"]).items()}
        edit(config)
        text = yaml.safe_dump({"config": {f"{PREFIX}{key}": value for key, value in config.items()}})
        (tmp_path / "Pulumi.local.yaml").write_text(text, encoding="utf-8")
        return LocalStack(Paths.of_this_checkout(), folder=tmp_path)

    return change


@pytest.fixture
def changed(edited: Change, stack: LocalStack) -> Iterator[Change]:
    """Makes a stack whose file is the repository's with a change; puts the stack back afterwards."""
    yield edited
    assert stack.update("up", UPDATE) == 0


def _stable(config: dict[str, Any]) -> dict[str, Any]:
    return config["services"][0]["release"]["stable"]


def _pods(cluster: RunningCluster, slot: str) -> list[dict[str, Any]]:
    selector = f"labelSelector=inferstack.dev/service=sentiment,inferstack.dev/slot={slot}"
    return cluster.api.get(f"/api/v1/namespaces/inferstack/pods?{selector}")["items"]


def _ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def test_make_up_ends_in_a_prediction(made: subprocess.CompletedProcess[str], stack: LocalStack) -> None:
    """`make up` prints the endpoint and a prediction, and the endpoint gives the label and the version."""
    endpoint = stack.outputs()["endpoints"]["sentiment"]
    assert f"sentiment 0.1.0 at {endpoint}" in made.stdout
    answer = httpx.post(f"{endpoint}/v1/predict", json={"inputs": ["a wonderful film"]}, timeout=15).json()
    assert answer["version"] == "0.1.0"
    assert answer["predictions"][0]["label"] == "positive"


def test_the_golden_snippets_get_their_labels(stack: LocalStack) -> None:
    """Fifty held-out snippets and more are answered through the gateway as the receipt's golden answers say."""
    golden = find_receipt("sentiment", "0.1.0", root=CHECKOUT, origins=LOCAL_FIRST).golden.examples
    assert len(golden) >= 50
    endpoint = stack.outputs()["endpoints"]["sentiment"]
    labels = [predict(endpoint, [example.text])["predictions"][0]["label"] for example in golden]
    assert labels == [example.label for example in golden]


def test_only_the_public_paths_are_published(stack: LocalStack) -> None:
    """Documentation is reachable through the gateway; metrics and health are not."""
    endpoint = stack.outputs()["endpoints"]["sentiment"]
    assert httpx.get(f"{endpoint}/docs").status_code == HTTPStatus.OK
    for path in ("/metrics", "/livez", "/readyz", "/startupz"):
        assert httpx.get(f"{endpoint}{path}").status_code == HTTPStatus.NOT_FOUND, path


def test_outputs_name_digests_versions_and_weights(stack: LocalStack) -> None:
    """The stack's outputs say what runs: image by digest, version, replicas and weight of each slot."""
    outputs = stack.outputs()
    assert re.fullmatch(
        r"127\.0\.0\.1:\d+/inferstack/sentiment@sha256:[0-9a-f]{64}", outputs["images"]["sentiment:0.1.0"]
    )
    slots = outputs["releases"]["sentiment"]["slots"]
    assert slots == {"stable": {"version": "0.1.0", "replicas": 1, "weight": 100}}


def test_a_second_update_changes_nothing(stack: LocalStack) -> None:
    """With nothing changed a preview and an update have no steps, and the tracked stack file is as it was."""
    before = (CHECKOUT / "Pulumi.local.yaml").read_bytes()
    assert stack.update("preview", ["--expect-no-changes"]) == 0
    assert stack.update("up", ["--expect-no-changes", *UPDATE]) == 0
    assert (CHECKOUT / "Pulumi.local.yaml").read_bytes() == before


def test_a_pod_that_goes_loses_no_request(changed: Change, cluster: RunningCluster) -> None:
    """With two replicas, requests that are sent while a pod is deleted are all answered."""
    stack = changed(lambda config: _stable(config).update(replicas=2))
    assert stack.update("up", UPDATE) == 0
    pods = [pod for pod in _pods(cluster, "stable") if _ready(pod)]
    assert len(pods) == 2
    endpoint = stack.outputs()["endpoints"]["sentiment"]

    def ask(index: int) -> int:
        if index == 40:
            cluster.api.delete(f"/api/v1/namespaces/inferstack/pods/{pods[0]['metadata']['name']}")
        return httpx.post(f"{endpoint}/v1/predict", json={"inputs": [f"film {index}"]}, timeout=15).status_code

    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        statuses = list(pool.map(ask, range(240)))
    assert set(statuses) == {200}

    def replaced() -> bool:
        now = _pods(cluster, "stable")
        return len(now) == 2 and all(map(_ready, now))

    wait_for("the deleted pod is replaced", replaced, seconds=90)


def test_what_is_no_step_is_refused_with_its_line(edited: Change, capfd: pytest.CaptureFixture[str]) -> None:
    """Weights of 90: where it stands in the stack file, and what may be there, before anything is declared."""
    assert edited(lambda config: _stable(config).update(weight=90)).update("preview") != 0
    output = capfd.readouterr().out
    key, sentence = "inferstack:services[0].release.stable.weight", "the weights sum to 90. Allowed: 100"
    assert re.search(rf"Pulumi\.local\.yaml:\d+: {re.escape(key)}: {re.escape(sentence)}", output)
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"version": "9.9.9"}, "version 9.9.9 of sentiment is not in the catalogue"),
        ({"replicas": 60}, "the services ask for 60 GPUs"),
    ],
)
def test_what_cannot_run_is_refused_by_a_sentence(
    edited: Change,
    capfd: pytest.CaptureFixture[str],
    values: dict[str, object],
    sentence: str,
) -> None:
    """A version that nobody built and GPUs that are not there end the preview with one sentence, no traceback."""
    assert edited(lambda config: _stable(config).update(values)).update("preview") != 0
    output = capfd.readouterr()
    assert sentence in output.out + output.err
    assert "Traceback" not in output.out + output.err


def _copy_of_the_program(folder: Path, file: str, old: str, new: str) -> None:
    """A checkout with one edit; what is big or built is linked."""
    for name in ("infra", "model_build", "policies", "serving"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(CHECKOUT / name, folder)
    for name in (".venv", ".tools", ".state", "releases", "local"):
        (folder / name).symlink_to(CHECKOUT / name)
    source = (folder / file).read_text(encoding="utf-8")
    assert old in source
    (folder / file).write_text(source.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        (
            "infra/kubernetes/slot.py",
            "            security_context=container_security_context(),\n",
            "",
            "security-context",
        ),
        (
            "infra/platform.py",
            "images={version: args.serving[service.name, version] for version in service.versions()}",
            'images={version: "127.0.0.1:5000/inferstack/sentiment:0.1.0" for version in service.versions()}',
            "image-digest",
        ),
    ],
    ids=["no-security-context", "image-by-tag"],
)
def test_the_rules_stop_an_update(  # noqa: PLR0913, PLR0917  # fixtures and parameters
    stack: LocalStack,
    cluster: RunningCluster,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    file: str,
    old: str,
    new: str,
    rule: str,
) -> None:
    """`pulumi up` of a program without the security context, or with an image by tag, fails and says why."""
    _copy_of_the_program(tmp_path, file, old, new)
    assert stack.update("up", [*UPDATE, "--cwd", str(tmp_path)]) != 0
    output = capfd.readouterr().out
    for part in (f"[mandatory]  {rule}", "Deployment sentiment-stable", "reason:", "to do:"):
        assert part in output
    # The step that a rule refuses is not taken: what runs has what the rule asks for.
    deployment = cluster.api.get("/apis/apps/v1/namespaces/inferstack/deployments/sentiment-stable")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "@sha256:" in container["image"]
    # The copy's build contexts lie elsewhere: have the checkout's again.
    assert stack.update("up", UPDATE) == 0


def test_an_image_that_leaves_the_program_can_still_be_pulled(changed: Change, stack: LocalStack) -> None:
    """Removing a version from the stack leaves its digest in the registry, for rollbacks and for other stacks."""
    image = stack.outputs()["images"]["sentiment:0.1.0"]
    assert changed(lambda config: config.update(services=[])).update("up", UPDATE) == 0
    assert "sentiment:0.1.0" not in stack.outputs()["images"]
    assert _can_be_pulled(image)


def test_an_image_that_is_renamed_or_rebuilt_leaves_the_old_digest(stack: LocalStack, tmp_path: Path) -> None:
    """A new resource name and new service code change one layer of the image; the old digest can still be pulled."""
    old = stack.outputs()["images"]["sentiment:0.1.0"]
    name = 'f"{service}-{image_tag(version, variant)}",'
    _copy_of_the_program(tmp_path, "infra/images.py", name, name.replace("{service}", "renamed-{service}"))
    with (tmp_path / "serving/schemas.py").open("a", encoding="utf-8") as code:
        code.write("\nADDED_BY_A_TEST = 1\n")
    assert stack.update("up", [*UPDATE, "--cwd", str(tmp_path)]) == 0
    new = stack.outputs()["images"]["sentiment:0.1.0"]
    before, after = _layers(old), _layers(new)
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    assert _can_be_pulled(old)
    assert stack.update("up", UPDATE) == 0


def _manifest(image: str, digest: str | None = None) -> httpx.Response:
    found = re.fullmatch(r"([^/]+)/([^@]+)@(.*)", image)
    assert found is not None
    kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
    return httpx.get(f"http://{found[1]}/v2/{found[2]}/manifests/{digest or found[3]}", headers={"Accept": kinds})


def _can_be_pulled(image: str) -> bool:
    return _manifest(image).status_code == HTTPStatus.OK


def _layers(image: str) -> list[str]:
    manifest = _manifest(image).raise_for_status().json()
    if "manifests" in manifest:
        manifest = _manifest(image, manifest["manifests"][0]["digest"]).raise_for_status().json()
    return [layer["digest"] for layer in manifest["layers"]]


def test_an_existing_cluster_is_previewed_by_its_context(
    stack: LocalStack, edited: Change, cluster: RunningCluster
) -> None:
    """`cluster.kind: existing` needs a kubeconfig context and image references, and nothing of the embedded cluster."""
    platform = dict.fromkeys(settings.PlatformImages.model_fields, f"127.0.0.1:1/any@sha256:{'0' * 64}")

    def existing(config: dict[str, Any]) -> None:
        config["cluster"] = {
            "kind": "existing",
            "context": cluster.context,
            "kubeconfig": str(cluster.kubeconfig),
            "images": {"registry": cluster.registry, **platform},
        }

    assert edited(existing).update("preview") == 0
    assert stack.exists


def test_an_update_after_the_api_server_was_killed_works(stack: LocalStack) -> None:
    """The API server is killed; `make cluster` waits for it, or starts it, and the next update finds all as it was."""
    (server,) = (each for each in status.read(Paths.of_this_checkout()).components if each.name == "apiserver")
    kill(server.pid, signal.SIGKILL)
    again = run_local("up")
    assert again.returncode == 0, again.stderr
    assert stack.update("up", ["--expect-no-changes", *UPDATE]) == 0


def test_the_lock_of_an_update_that_was_killed_is_released(stack: LocalStack) -> None:
    """`kill -9` of an update leaves Pulumi's lock behind; the next update does not mind."""
    stack_file = stack.variables["INFERSTACK_STACK_FILE"]
    update = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", "local", "--config-file", stack_file],
        cwd=CHECKOUT,
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    locks = Path(stack_file).parent / ".pulumi/locks"
    wait_for("the update holds its lock", lambda: list(locks.rglob("*.json")), seconds=30)
    kill(update.pid, signal.SIGKILL)
    update.wait()
    assert list(locks.rglob("*.json"))
    assert stack.update("up", UPDATE) == 0
