"""A stand-in for the AWS command line: it answers the one question that a kubeconfig of EKS asks."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from typing import TYPE_CHECKING

from local.paths import write_private

if TYPE_CHECKING:
    from rehearsal.folder import Folder

_VALID = dt.timedelta(hours=1)


def install(folder: Folder, *, token: str) -> None:
    """Write an executable `aws` that knows `aws eks get-token`, and refuses everything else."""
    answer = {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "spec": {},
        "status": {
            "expirationTimestamp": (dt.datetime.now(dt.UTC) + _VALID).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "token": token,
        },
    }
    file = folder.bin / "aws-eks-get-token.json"
    write_private(file, json.dumps(answer))
    program = folder.bin / "aws"
    program.write_text(
        "#!/bin/sh\n"
        "# Options may stand before the service; their order is free.\n"
        'case " $* " in\n'
        f'*" eks get-token "*) exec cat {shlex.quote(str(file))} ;;\n'
        "esac\n"
        'echo "this is a rehearsal: its stand-in for aws answers \\`aws eks get-token\\` only, not: aws $*" >&2\n'
        "exit 255\n"
    )
    program.chmod(0o700)
