"""The engine's protocol over gRPC."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from rehearsal.standin.provider import Provider
from rehearsal.standin.server import serve
from rehearsal.standin.told import VARIABLE, Told
from rehearsal.standin.values import UNKNOWN, Secret, decode, encode
from tests.rehearsal.standin.conftest import ACCOUNT, named

VPC = named("aws:ec2/vpc:Vpc", "net")


class _Engine(engine_pb2_grpc.EngineServicer):
    """An engine that keeps what plugins log."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def Log(self, request: engine_pb2.LogRequest, context: object) -> empty_pb2.Empty:  # noqa: N802 the protocol's
        del context
        self.said.append(request.message)
        return empty_pb2.Empty()


@dataclass
class Line:
    """A connection to a served stand-in, and the engine that it talks to."""

    calls: Any
    engine: _Engine


@pytest.fixture
def line(told: Told, capsys: pytest.CaptureFixture[str]) -> Iterator[Line]:
    """A stand-in that is served and configured, reached by the port that it printed."""
    engine, engine_server = _Engine(), grpc.server(futures.ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, engine_server)
    engine_port = engine_server.add_insecure_port("127.0.0.1:0")
    engine_server.start()
    server = serve(Provider("aws", told), "")
    with grpc.insecure_channel(f"127.0.0.1:{capsys.readouterr().out.strip()}") as channel:
        calls: Any = provider_pb2_grpc.ResourceProviderStub(channel)
        calls.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address=f"127.0.0.1:{engine_port}"))
        calls.Configure(provider_pb2.ConfigureRequest(args=encode({"region": "eu-central-1"})))
        yield Line(calls, engine)
    server.stop(None)
    engine_server.stop(None)


def _refusal(call: Callable[[], object]) -> str:
    with pytest.raises(grpc.RpcError) as refused:
        call()
    assert isinstance(refused.value, grpc.Call)
    return refused.value.details() or ""


def test_it_says_that_it_is_a_stand_in(line: Line) -> None:
    """The plugin's version and a line in the engine's output both say so."""
    assert line.calls.GetPluginInfo(empty_pb2.Empty()).version == "7.51.1+standin"
    assert line.engine.said == [
        f"this is a stand-in for the aws provider 7.51.1: it reaches no cloud, account {ACCOUNT}, region eu-central-1"
    ]


def test_a_resources_life(line: Line) -> None:
    """Check, preview, create, diff, update, read and delete work together, with unknown and secret values."""
    given = encode({"cidrBlock": Secret("10.0.0.0/16"), "tags": {"Name": UNKNOWN}})
    checked = line.calls.Check(provider_pb2.CheckRequest(urn=VPC.urn, news=given))
    assert list(checked.failures) == []
    previewed = line.calls.Create(provider_pb2.CreateRequest(urn=VPC.urn, properties=checked.inputs, preview=True))
    assert previewed.id == ""
    seen = decode(previewed.properties)
    assert (seen["arn"], seen["tags"], seen["cidrBlock"]) == (UNKNOWN, {"Name": UNKNOWN}, Secret("10.0.0.0/16"))

    inputs = line.calls.Check(provider_pb2.CheckRequest(urn=VPC.urn, news=encode({"cidrBlock": "10.0.0.0/16"}))).inputs
    created = line.calls.Create(provider_pb2.CreateRequest(urn=VPC.urn, properties=inputs))
    wanted = encode({"cidrBlock": "10.1.0.0/16", "tags": {"a": "b"}})
    news = line.calls.Check(provider_pb2.CheckRequest(urn=VPC.urn, olds=inputs, news=wanted)).inputs
    diff = line.calls.Diff(
        provider_pb2.DiffRequest(urn=VPC.urn, id=created.id, old_inputs=inputs, olds=created.properties, news=news)
    )
    assert diff.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(diff.replaces) == ["cidrBlock"]
    assert not diff.deleteBeforeReplace
    kinds = {path: entry.kind for path, entry in diff.detailedDiff.items()}
    assert kinds == {
        "cidrBlock": provider_pb2.PropertyDiff.UPDATE_REPLACE,
        "tags.a": provider_pb2.PropertyDiff.ADD,
        "tagsAll.a": provider_pb2.PropertyDiff.ADD,
    }
    updated = line.calls.Update(
        provider_pb2.UpdateRequest(urn=VPC.urn, id=created.id, olds=created.properties, news=news)
    )
    assert decode(updated.properties)["arn"] == decode(created.properties)["arn"]
    read = line.calls.Read(provider_pb2.ReadRequest(urn=VPC.urn, id=created.id, properties=updated.properties))
    assert (read.id, decode(read.properties)) == (created.id, decode(updated.properties))
    line.calls.Delete(provider_pb2.DeleteRequest(urn=VPC.urn, id=created.id))


def test_wrong_arguments_are_failures_and_refusals_errors(line: Line) -> None:
    """A wrong argument is told by property; an unknown type or function ends the call with a sentence."""
    checked = line.calls.Check(provider_pb2.CheckRequest(urn=VPC.urn, news=encode({"cidr": "x"})))
    assert [(failure.property, "cidrBlock" in failure.reason) for failure in checked.failures] == [("cidr", True)]
    queue = named("aws:sqs/queue:Queue").urn
    assert "has no resource type aws:sqs/queue:Queue" in _refusal(
        lambda: line.calls.Check(provider_pb2.CheckRequest(urn=queue))
    )
    assert "has no function aws:x:y" in _refusal(lambda: line.calls.Invoke(provider_pb2.InvokeRequest(tok="aws:x:y")))
    wrong = encode({"region": "eu-central-1", "allowedAccountIds": '["999988887777"]'})
    assert f"AWS account ID not allowed: {ACCOUNT}" in _refusal(
        lambda: line.calls.Configure(provider_pb2.ConfigureRequest(args=wrong))
    )


def test_a_defect_is_a_sentence(line: Line) -> None:
    """What the stand-in itself gets wrong is said to be its own fault, in one line."""
    said = _refusal(lambda: line.calls.Create(provider_pb2.CreateRequest(urn="urn:pulumi:prod")))
    assert said.startswith("a defect of the stand-in, not of the program: IndexError")


def test_functions_answer(line: Line) -> None:
    """Invoke gives the result, or what is wrong with the arguments."""
    token = "aws:index/getCallerIdentity:getCallerIdentity"  # noqa: S105 a type token
    response = line.calls.Invoke(provider_pb2.InvokeRequest(tok=token))
    assert decode(getattr(response, "return"))["accountId"] == ACCOUNT
    failed = line.calls.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode({"idd": "x"})))
    assert [failure.property for failure in failed.failures] == ["idd"]


def test_the_configuration_is_compared(line: Line) -> None:
    """A changed provider is an update, an unchanged one nothing."""
    old = encode({"region": "eu-central-1", "version": "7.51.0"})
    for new, changed in ((encode({"region": "eu-central-1"}), []), (encode({"region": "eu-west-1"}), ["region"])):
        diff = line.calls.DiffConfig(provider_pb2.DiffRequest(old_inputs=old, news=new))
        assert (list(diff.diffs), list(diff.replaces)) == (changed, [])


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ([], {}, "usage: python -m rehearsal.standin {aws,docker-build}"),
        (["gcp"], {}, "usage: python -m rehearsal.standin {aws,docker-build}"),
        (["aws"], {}, f"stand-in for aws: {VARIABLE} is not set: this plugin serves rehearsals only"),
        (["aws"], {VARIABLE: "/nowhere.json"}, "No such file"),
    ],
)
def test_a_wrong_start_is_one_line(arguments: list[str], environment: dict[str, str], said: str) -> None:
    """Started by hand or wrongly, the plugin says in one line what is missing."""
    kept = {key: value for key, value in os.environ.items() if key != VARIABLE}
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal.standin", *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_process_prints_its_port(told: Told, tmp_path: Path) -> None:
    """The engine reads the port from the first line, and ends the process itself."""
    file = tmp_path / "told.json"
    file.write_text(json.dumps({key: str(value) for key, value in asdict(told).items()}))
    process = subprocess.Popen(
        [sys.executable, "-m", "rehearsal.standin", "aws"],
        env={**os.environ, VARIABLE: str(file)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            calls: Any = provider_pb2_grpc.ResourceProviderStub(channel)
            assert calls.GetPluginInfo(empty_pb2.Empty()).version.endswith("+standin")
    finally:
        process.terminate()
        process.wait()
