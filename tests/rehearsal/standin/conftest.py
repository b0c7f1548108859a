"""A stand-in as the engine would have configured it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from rehearsal.standin.checks import Failure
from rehearsal.standin.provider import Named, Provider
from rehearsal.standin.told import Told
from rehearsal.standin.values import Properties, Value

ACCOUNT = "111122223333"
REGION = "eu-central-1"


@dataclass(frozen=True)
class Stand:
    """A provider, and short ways to use it as the engine does."""

    provider: Provider
    told: Told

    def check(self, token: str, inputs: Properties, name: str = "it") -> list[Failure]:
        """Return what is wrong with the arguments."""
        return self.provider.check(named(token, name), None, inputs)[1]

    def create(
        self, token: str, inputs: Properties, name: str = "it", *, preview: bool = False
    ) -> tuple[str, Properties]:
        """Check and create; fail on refused arguments."""
        checked, failures = self.provider.check(named(token, name), None, inputs)
        assert failures == []
        return self.provider.create(named(token, name), checked, preview=preview)

    def invoke(self, token: str, args: Mapping[str, Value]) -> Properties:
        """Call a function; fail on refused arguments."""
        result, failures = self.provider.invoke(token, args)
        assert failures == []
        return result


def named(token: str, name: str = "it") -> Named:
    """Return a resource as the engine names it."""
    return Named(urn=f"urn:pulumi:prod::inferstack::{token}::{name}", token=token)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """What a rehearsal tells."""
    return Told(
        account=ACCOUNT,
        endpoint="https://127.0.0.1:6443",
        certificate_authority="Q0E=",
        node_groups=tmp_path / "node-groups",
    )


@pytest.fixture
def stand(told: Told) -> Stand:
    """A configured stand-in for AWS."""
    return fresh(told)


def fresh(told: Told, package: str = "aws") -> Stand:
    """Return a stand-in as a new process would have it."""
    provider = Provider(package, told)
    provider.configure({"region": REGION, "defaultTags": '{"tags": {"stack": "prod"}}'})
    return Stand(provider, told)
