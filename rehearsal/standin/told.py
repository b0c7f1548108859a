"""What a rehearsal tells the stand-in: one JSON file, named in the environment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

VARIABLE = "INFERSTACK_REHEARSAL"
"""The environment variable that names the file."""


class NotToldError(Exception):
    """The rehearsal's file is missing or wrong; the text is one sentence for the user."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """The account and the cluster that the stand-in answers for.

    `account` is the twelve-digit account that the credentials would belong to; `endpoint` and
    `certificate_authority` (PEM in base64, as EKS gives it) are the throw-away API server's;
    `node_groups` is the folder that gets one JSON file per node group.
    """

    account: str
    endpoint: str
    certificate_authority: str
    node_groups: Path

    def __post_init__(self) -> None:
        """Refuse an account that is not twelve digits."""
        if not (len(self.account) == 12 and self.account.isdecimal()):  # noqa: PLR2004 an account id's length
            raise NotToldError(f"account must be twelve digits, not {self.account!r}")


def read(environment: Mapping[str, str]) -> Told:
    """Read the file that VARIABLE names; every failure is a NotToldError that says what to do."""
    name = environment.get(VARIABLE)
    if not name:
        raise NotToldError(f"{VARIABLE} is not set: this plugin serves rehearsals only (make rehearse STACK=...)")
    try:
        content: object = json.loads(Path(name).read_text())
    except (OSError, ValueError) as error:
        raise NotToldError(f"{VARIABLE}={name}: {error}") from error
    if not isinstance(content, dict):
        raise NotToldError(f"{VARIABLE}={name}: a JSON object is wanted")
    given = cast("dict[str, object]", content)
    wanted = {field.name for field in fields(Told)}
    wrong = wanted.symmetric_difference(given) or {key for key in given if not isinstance(given[key], str)}
    if wrong:
        raise NotToldError(f"{VARIABLE}={name}: wants exactly the strings {sorted(wanted)}; wrong: {sorted(wrong)}")
    texts = cast("dict[str, str]", given)
    return Told(
        account=texts["account"],
        endpoint=texts["endpoint"],
        certificate_authority=texts["certificate_authority"],
        node_groups=Path(texts["node_groups"]),
    )
