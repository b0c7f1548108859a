# ruff: noqa: N802, D102 the methods are the protocol's, which says what each does
"""The engine's provider protocol (pulumirpc.ResourceProvider) in front of a stand-in."""

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from rehearsal.standin.checks import Failure
from rehearsal.standin.diffs import Change, Diff, Kind
from rehearsal.standin.provider import Named, Provider, RefusedError, Wanted
from rehearsal.standin.values import decode, encode

_KINDS = {
    (Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}

Context = grpc.ServicerContext
T = TypeVar("T")


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Translates the protocol's messages; every refusal becomes an error with one sentence."""

    def __init__(self, provider: Provider, engine_address: str) -> None:
        self._provider = provider
        self._engine_address = engine_address

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: Context
    ) -> provider_pb2.ProviderHandshakeResponse:
        del context
        self._engine_address = request.engine_address
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    def Attach(self, request: plugin_pb2.PluginAttach, context: Context) -> empty_pb2.Empty:
        del context
        self._engine_address = request.address
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: object, context: Context) -> plugin_pb2.PluginInfo:
        del request, context
        return plugin_pb2.PluginInfo(version=f"{self._provider.version}+standin")

    def GetSchema(self, request: object, context: Context) -> NoReturn:
        del request
        _abort(context, grpc.StatusCode.UNIMPLEMENTED, "a stand-in has no schema: the SDK is generated already")

    def Parameterize(self, request: object, context: Context) -> NoReturn:
        del request
        _abort(context, grpc.StatusCode.UNIMPLEMENTED, "a stand-in takes no parameters")

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        inputs, failures = _guard(context, lambda: self._provider.check_config(decode(request.news)))
        return provider_pb2.CheckResponse(inputs=encode(inputs), failures=_failures(failures))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        del context
        old, new = decode(request.old_inputs), decode(request.news)
        changed = sorted(key for key in {*old, *new} if key != "version" and old.get(key) != new.get(key))
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Context) -> provider_pb2.ConfigureResponse:
        _guard(context, lambda: self._provider.configure(decode(request.args)))
        self._say(self._provider.greeting)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        olds = decode(request.olds) if request.HasField("olds") and request.olds.fields else None
        inputs, failures = _guard(
            context,
            lambda: self._provider.check(
                _named(request.urn), olds, decode(request.news), request.autonaming.proposed_name
            ),
        )
        return provider_pb2.CheckResponse(inputs=encode(inputs), failures=_failures(failures))

    def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        change = Wanted(
            old=decode(request.old_inputs),
            state=decode(request.olds),
            new=decode(request.news),
            ignored=list(request.ignoreChanges),
        )
        found = _guard(context, lambda: self._provider.diff(_named(request.urn), request.id, change))
        return _diff(found)

    def Create(self, request: provider_pb2.CreateRequest, context: Context) -> provider_pb2.CreateResponse:
        inputs = decode(request.properties)
        resource_id, made = _guard(
            context, lambda: self._provider.create(_named(request.urn), inputs, preview=request.preview)
        )
        return provider_pb2.CreateResponse(id=resource_id, properties=encode(made))

    def Update(self, request: provider_pb2.UpdateRequest, context: Context) -> provider_pb2.UpdateResponse:
        olds, news = decode(request.olds), decode(request.news)
        made = _guard(
            context,
            lambda: self._provider.update(_named(request.urn), request.id, olds, news, preview=request.preview),
        )
        return provider_pb2.UpdateResponse(properties=encode(made))

    def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        _guard(context, lambda: self._provider.delete(_named(request.urn), request.id, decode(request.properties)))
        return empty_pb2.Empty()

    def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        made = _guard(context, lambda: self._provider.read(_named(request.urn), request.id, decode(request.properties)))
        return provider_pb2.ReadResponse(id=request.id, properties=encode(made), inputs=request.inputs)

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Context) -> provider_pb2.InvokeResponse:
        result, failures = _guard(context, lambda: self._provider.invoke(request.tok, decode(request.args)))
        return provider_pb2.InvokeResponse(**{"return": encode(result)}, failures=_failures(failures))

    def Cancel(self, request: object, context: Context) -> empty_pb2.Empty:
        del request, context
        return empty_pb2.Empty()

    def GetMapping(self, request: object, context: Context) -> provider_pb2.GetMappingResponse:
        del request, context
        return provider_pb2.GetMappingResponse()

    def _say(self, text: str) -> None:
        """Write a line into the engine's output."""
        if not self._engine_address:
            return
        with grpc.insecure_channel(self._engine_address) as channel:
            request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text)
            engine_pb2_grpc.EngineStub(channel).Log(request)  # pyright: ignore[reportUnknownMemberType] generated


def serve(provider: Provider, engine_address: str) -> grpc.Server:
    """Start serving on a free port of 127.0.0.1, print the port as the engine wants it, and return the server."""
    server = grpc.server(ThreadPoolExecutor(max_workers=16), options=[("grpc.max_receive_message_length", -1)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider, engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 the protocol: the first line on standard output is the port
    return server


def _named(urn: str) -> Named:
    """Return the resource of a URN: urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME."""
    return Named(urn=urn, token=urn.split("::")[2].rpartition("$")[2])


def _guard(context: Context, call: Callable[[], T]) -> T:
    try:
        return call()
    except RefusedError as error:
        _abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except Exception as error:  # noqa: BLE001 the one place where a defect becomes a sentence
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"a defect of the stand-in, not of the program: {error!r} in {where.name}, line {where.lineno}"
        _abort(context, grpc.StatusCode.INTERNAL, said)


def _abort(context: Context, code: grpc.StatusCode, text: str) -> NoReturn:
    context.abort(code, text)
    raise AssertionError("abort raises")


def _failures(failures: Sequence[Failure]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=failure.path, reason=failure.reason) for failure in failures]


def _diff(found: Diff) -> provider_pb2.DiffResponse:
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if found.changes else none,
        diffs=sorted({change.top for change in found.changes}),
        replaces=sorted({change.top for change in found.changes if change.replaces}),
        deleteBeforeReplace=found.delete_before_replace,
        detailedDiff={change.path: _property(change) for change in found.changes},
        hasDetailedDiff=True,
    )


def _property(change: Change) -> provider_pb2.PropertyDiff:
    return provider_pb2.PropertyDiff(kind=_KINDS[change.kind, change.replaces], inputDiff=True)
