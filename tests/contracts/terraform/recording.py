"""Runs a program under Pulumi's mocks and keeps what it declares of AWS."""

# Pulumi's mocks are half typed.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import Mocks, set_mocks
from pulumi.runtime import test as pulumi_test
from pulumi.runtime.mocks import MockMonitor

from tests.contracts.terraform import functions, references
from tests.contracts.terraform.names import terraform_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi.runtime import MockCallArgs, MockResourceArgs

    from tests.contracts.terraform.functions import Account
    from tests.contracts.terraform.schema import Schema

PROVIDER = "pulumi:providers:aws"
# Pulumi's engine would append seven random characters.
AUTO_NAME = "{name}-0a1b2c3"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """An AWS resource.

    Attributes:
        token: Pulumi's type.
        type: Terraform's.
        label: what Terraform calls it, unique among its type.
        inputs: by Pulumi's names; outputs of other resources in them are references.
        provider: the label of the provider that it was declared with.
        depends_on: the addresses of the resources that come before it.
    """

    token: str
    type: str
    label: str
    inputs: Mapping[str, Any]
    provider: str
    depends_on: tuple[str, ...]

    @property
    def address(self) -> str:
        """As Terraform says it: ``aws_vpc.main``."""
        return f"{self.type}.{self.label}"


@dataclass(frozen=True, kw_only=True)
class Program:
    """What a stack declares of AWS.

    Attributes:
        stack: its name.
        resources: in the order of registration.
        providers: the inputs of the AWS providers, by their labels.
        found: what is there before the stack: arguments by Terraform type.
    """

    stack: str
    resources: tuple[Declared, ...]
    providers: Mapping[str, Mapping[str, Any]]
    found: Mapping[str, Mapping[str, Any]]


def record(program: Callable[[], None], *, account: Account, schema: Schema, types: Mapping[str, str]) -> Program:
    """Run a program.

    Args:
        program: declares resources; what is not AWS's is ignored.
        account: what the functions of the provider answer from.
        schema: the Terraform provider's.
        types: Terraform types by Pulumi token, where the name does not tell.
    """
    recorder = _Recorder(account=account, schema=schema, types=types)
    set_mocks(recorder, project="inferstack", stack=account.stack, monitor=_Monitor(recorder))

    @pulumi_test
    def run() -> pulumi.Output[None]:
        program()
        return pulumi.Output.from_input(None)

    run()
    return Program(
        stack=account.stack, resources=tuple(recorder.resources), providers=recorder.providers, found=account.found
    )


class _Monitor(MockMonitor):
    """Tells the recorder what the mocks do not: a resource's URN and what it depends on."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__(recorder)
        self.recorder = recorder
        self.lock = threading.Lock()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802, ANN401  # Pulumi's name; a message
        # Pulumi registers resources from several threads.
        with self.lock:
            self.recorder.dependencies = tuple(request.dependencies)
            response = super().RegisterResource(request)
            if request.type.startswith("aws:"):
                self.recorder.addresses[response.urn] = self.recorder.resources[-1].address
        return response


class _Recorder(Mocks):
    def __init__(self, *, account: Account, schema: Schema, types: Mapping[str, str]) -> None:
        self.account = account
        self.schema = schema
        self.types = types
        self.resources: list[Declared] = []
        self.providers: dict[str, Mapping[str, Any]] = {}
        self.addresses: dict[str, str] = {}
        self.dependencies: tuple[str, ...] = ()

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs: dict[str, Any] = args.inputs
        if args.typ == PROVIDER:
            self.providers[self._own(args.name)] = inputs
        if not args.typ.startswith("aws:"):
            return f"{args.name}-id", inputs
        type_ = terraform_type(args.typ, self.schema.types, self.types)
        block = self.schema.resource(type_)
        if (
            "name" in block.attributes
            and block.attributes["name"].settable
            and not {"name", "namePrefix"} & set(inputs)
        ):
            inputs = {**inputs, "name": AUTO_NAME.format(name=args.name)}
        declared = Declared(
            token=args.typ,
            type=type_,
            label=self._label(type_, args.name),
            inputs=inputs,
            # urn:pulumi:STACK::PROJECT::TYPE::NAME::ID
            provider=self._own(args.provider.split("::")[-2]) if args.provider else "",
            depends_on=tuple(self.addresses[urn] for urn in self.dependencies if urn in self.addresses),
        )
        self.resources.append(declared)
        outputs = references.outputs(args.typ, declared.address, block, inputs)
        return f"${{{declared.address}.id}}", outputs

    def call(self, args: MockCallArgs) -> Any:  # noqa: ANN401  # Pulumi's annotation leaves out the answer without failures
        return functions.answer(args.token, args.args, self.account)

    def _own(self, name: str) -> str:
        """A name of this stack's own, as Terraform allows it: all stacks share one configuration."""
        return re.sub(r"[^\w-]", "-", f"{self.account.stack}_{name}")

    def _label(self, type_: str, name: str) -> str:
        label = self._own(name)
        taken = {resource.label for resource in self.resources if resource.type == type_}
        return next(each for each in (label, *(f"{label}-{count}" for count in range(2, 99))) if each not in taken)
