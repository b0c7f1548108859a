"""Finds Terraform, and the AWS provider in a folder laid out as a plugin mirror: nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

PROVIDER = "hashicorp/aws"
VERSION = "5.100.0"
SETTING = "INFERSTACK_TERRAFORM_MIRROR"

# Where Terraform itself looks for mirrors on Linux, and below /opt, where images of machines put theirs.
PLACES = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
)
BELOW = "/opt"


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What the contract needs.

    Attributes:
        terraform: the program.
        mirror: the folder that holds the provider, as HOST/hashicorp/aws/VERSION/PLATFORM.
    """

    terraform: Path
    mirror: Path


class NotInstalledError(Exception):
    """Terraform or the provider is not on this machine; the text says which, and what to do."""


def find() -> Installation:
    """Look on PATH for Terraform, and in the setting's folder or the usual ones for the provider.

    Raises:
        NotInstalledError: one of them is missing.
    """
    terraform = shutil.which("terraform")
    if terraform is None:
        raise NotInstalledError("terraform is not on PATH: the contract with the real AWS provider is not checked")
    named = os.environ.get(SETTING)
    places = [Path(named)] if named else [*(Path(place).expanduser() for place in PLACES), *Path(BELOW).glob("*")]
    for place in places:
        if any(place.glob(f"*/{PROVIDER}/{VERSION}/*/terraform-provider-aws*")):
            return Installation(terraform=Path(terraform), mirror=place)
    raise NotInstalledError(
        f"no mirror with the provider {PROVIDER} {VERSION} in {', '.join(map(str, places))}: set {SETTING} to one; the "
        " contract with the real AWS provider is not checked"
    )
