"""Feature flags: what a stack file says of a service reaches its pods as a file that the service reads."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infra.kubernetes import feature_flags
from infra.settings import CanaryRelease, Slot
from serving import flag_file, flags
from tests.infra.one_service import declare

RELEASE: Final = CanaryRelease(
    strategy="canary",
    stable=Slot(version="0.1.0", replicas=1, weight=80),
    candidate=Slot(version="0.2.0", replicas=1, weight=20),
)
values = st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10)


@given(st.dictionaries(st.from_regex(r"[a-z]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True), values, max_size=4))
def test_the_service_reads_what_the_stack_file_says(given: dict[str, bool | float | str]) -> None:
    """The document is one that the service's own reader takes, with the same names and values."""
    found = flag_file.parse(feature_flags.document(given).encode())
    assert {name: flag.variants[flag.default_variant] for name, flag in found.items()} == given


def test_all_slots_mount_the_same_file_where_the_service_looks() -> None:
    """One ConfigMap of the service's; the folder is mounted, for a file mounted alone never changes."""
    declared = declare(RELEASE, flags={flags.ALL_SCORES: True})
    [made] = [each for each in declared if each.type.endswith(":ConfigMap") and each.name == "sentiment-flags"]
    data: dict[str, str] = made.inputs["data"]
    deployments = [each for each in declared if each.type.endswith(":Deployment") and "inferstack" not in each.name]
    slots = [each.inputs["spec"]["template"]["spec"] for each in deployments if each.name.startswith("sentiment-")]
    assert len(slots) == 3  # and the baseline
    for pod in slots:
        container: dict[str, Any] = pod["containers"][0]
        [path] = [PurePosixPath(each["value"]) for each in container["env"] if each["name"] == "SERVING_FLAGS_FILE"]
        [mount] = [each for each in container["volumeMounts"] if each["mountPath"] == str(path.parent)]
        assert "subPath" not in mount
        [volume] = [each for each in pod["volumes"] if each["name"] == mount["name"]]
        assert volume["configMap"]["name"] == "sentiment-flags"
        assert json.loads(data[path.name])["flags"][flags.ALL_SCORES]["variants"] == {"set": True}


def test_a_service_without_flags_has_nothing_of_them() -> None:
    """No object, no volume, no variable."""
    assert not [each for each in declare(RELEASE) if "flags" in str(each).lower()]


@pytest.mark.parametrize("name", ["All-Scores", "all_scores", "", "-a"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """Names are words with dashes."""
    with pytest.raises(ValidationError):
        declare(RELEASE, flags={name: True})
