"""A stack file leads a rehearsal to nothing real."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.stack_file import PATTERN, without

CHECKOUT = Path(__file__).parents[2]
STACK = """\
# A cluster that is there.
secretsprovider: awskms://alias/key
encryptedkey: abc
config:
  inferstack:cluster:
    kind: existing
    kubeconfig: /home/someone/.kube/config # theirs
    context: real
  inferstack:gateway: {node_port: 30080}
"""


def test_keys_of_the_backend_and_a_kubeconfig_are_left_out_and_lines_stay() -> None:
    """What the program says of line 9 is true of line 9 of the file that a person wrote."""
    text = without(STACK)
    assert yaml.safe_load(text) == {
        "config": {
            "inferstack:cluster": {"kind": "existing", "context": "real"},
            "inferstack:gateway": {"node_port": 30080},
        }
    }
    assert text.splitlines()[8] == STACK.splitlines()[8]


def test_several_keys_on_one_line_keep_the_others() -> None:
    """Lines are lost here, which is better than a real cluster."""
    text = without("config:\n  inferstack:cluster: {kind: existing, kubeconfig: /real, context: real}\n")
    assert yaml.safe_load(text) == {"config": {"inferstack:cluster": {"kind": "existing", "context": "real"}}}


@pytest.mark.parametrize("file", sorted(CHECKOUT.glob(PATTERN)), ids=lambda file: file.name)
def test_files_without_such_keys_stay_as_they_are(file: Path) -> None:
    """Byte for byte."""
    assert without(file.read_text()) == file.read_text()


@given(text=st.text())
def test_what_is_no_stack_file_is_for_the_program_to_refuse(text: str) -> None:
    """Nothing that a person can write makes the rehearsal itself fail."""
    assert isinstance(without(text), str)
