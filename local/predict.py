"""Ask every service of the local stack for a prediction, through its gateway."""

from __future__ import annotations

import json
import sys
import time
from http import HTTPStatus
from typing import Any

import click
import httpx

from infra.settings.errors import SettingsError
from local.errors import ClusterError
from local.paths import Paths
from local.stack import LocalStack

TEXT = "a wonderful film"
_DEADLINE_SECONDS = 30.0
_PAUSE_SECONDS = 0.1


def predict(endpoint: str, texts: list[str], *, deadline_seconds: float = _DEADLINE_SECONDS) -> dict[str, Any]:
    """Post texts to a service; while the gateway has no route yet, again until the deadline.

    Args:
        endpoint: the service's address, for example ``http://127.0.0.1:30080/sentiment``.
        texts: at least one.
        deadline_seconds: how long to wait for the first answer.

    Returns:
        The service's answer.

    Raises:
        ClusterError: no answer in time, or one that is no prediction.
    """
    url = f"{endpoint}/v1/predict"
    end = time.monotonic() + deadline_seconds
    while True:
        try:
            answer = httpx.post(url, json={"inputs": texts}, timeout=15)
            if answer.is_success:
                return answer.json()
            problem = f"status {answer.status_code}: {answer.text.strip()[:300]}"
            if answer.is_client_error and answer.status_code != HTTPStatus.NOT_FOUND:
                break
        except httpx.TransportError as error:
            problem = str(error) or type(error).__name__
        if time.monotonic() > end:
            break
        time.sleep(_PAUSE_SECONDS)
    raise ClusterError(f"{url} gave no prediction ({problem}). What the cluster says: python -m local status")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("texts", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the services' answers as JSON.")
def main(texts: tuple[str, ...], *, as_json: bool) -> None:
    """Print what each service of the local stack makes of TEXTS."""
    inputs = list(texts) or [TEXT]
    try:
        endpoints: dict[str, str] = LocalStack(Paths.of_this_checkout()).outputs().get("endpoints", {})
        answers = {service: predict(endpoint, inputs) for service, endpoint in endpoints.items()}
    except (SettingsError, ClusterError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(answers, indent=2))
        return
    for service, answer in answers.items():
        click.echo(f"\n{service} {answer['version']} at {endpoints[service]}")
        for text, prediction in zip(inputs, answer["predictions"], strict=True):
            click.echo(f"  {text!r}: {prediction['label']} ({prediction['score']:.3f})")
        body = json.dumps({"inputs": inputs})
        click.echo(f"  try: curl -s {endpoints[service]}/v1/predict -H 'content-type: application/json' -d '{body}'")


if __name__ == "__main__":
    main()
