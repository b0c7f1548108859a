"""The stand-in itself, in plain Python: what each call of the protocol answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.metadata import version
from threading import RLock

from rehearsal.standin import functions, guards, naming, node_groups
from rehearsal.standin.checks import Checker, Failure
from rehearsal.standin.cloud import Cloud, Memory
from rehearsal.standin.diffs import Diff, diff
from rehearsal.standin.outputs import identifier, mark_secrets, outputs
from rehearsal.standin.sdk import NoSuchTypeError, Sdk
from rehearsal.standin.shapes import ResourceShape, Scalar
from rehearsal.standin.table import Spec, specs
from rehearsal.standin.told import Told
from rehearsal.standin.values import UNKNOWN, Properties, Secret, Value, has_unknown, plain, unwrap
from rehearsal.standin.words import Scope


class RefusedError(Exception):
    """The stand-in does not do this; the text says what, and what it does."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """A resource as the engine names it."""

    urn: str
    token: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A change: the inputs and the state of before, the new inputs, and what the program wants ignored."""

    old: Mapping[str, Value]
    state: Mapping[str, Value] = field(default_factory=dict[str, Value])
    new: Mapping[str, Value]
    ignored: Sequence[str] = ()


class Provider:
    """A stand-in for one provider, `aws` or `docker-build`.

    The calls are those of pulumirpc.ResourceProvider, with properties as plain values (values.py). They may come from
    several threads.
    """

    def __init__(self, package: str, told: Told) -> None:
        self.package = package
        distribution = f"pulumi_{package.replace('-', '_')}"
        self.version = version(distribution)
        self._distribution = distribution
        self._sdk = Sdk(distribution)
        self._specs = specs(package)
        self._told = told
        self._cloud = Cloud(told=told, region="", default_tags={})
        self._memory = Memory()
        self._lock = RLock()

    @property
    def greeting(self) -> str:
        """What the engine's output says of this plugin."""
        where = f", account {self._told.account}, region {self._cloud.region}" if self.package == "aws" else ""
        return f"this is a stand-in for the {self.package} provider {self.version}: it reaches no cloud{where}"

    def check_config(self, news: Mapping[str, Value]) -> tuple[Properties, list[Failure]]:
        """Check the provider's own configuration; nested values arrive as JSON text."""
        arguments = self._sdk.provider_arguments()
        opened: Properties = {
            key: _open(value) if key in arguments and arguments[key].shape != Scalar("str") else value
            for key, value in news.items()
            if key not in {"version", "pluginDownloadURL"}
        }
        failures = list(Checker(fields=self._sdk.fields, allowed={}).check(opened, arguments))
        return dict(news), failures

    def configure(self, args: Mapping[str, Value]) -> None:
        """Take the configuration: the region, the accounts that are allowed, the tags for everything."""
        if self.package != "aws":
            return
        region = plain(args.get("region"))
        if not isinstance(region, str) or not region:
            raise RefusedError("the provider has no region: set aws:region or the provider's region")
        allowed = _strings(_open(args.get("allowedAccountIds")))
        forbidden = _strings(_open(args.get("forbiddenAccountIds")))
        account = self._told.account
        if (allowed and account not in allowed) or account in forbidden:
            raise RefusedError(
                f"AWS account ID not allowed: {account}" + (f" (allowed: {', '.join(allowed)})" if allowed else "")
            )
        wrapped = _open(args.get("defaultTags"))
        tags = unwrap(wrapped.get("tags")) if isinstance(wrapped, Mapping) else None
        self._cloud = Cloud(told=self._told, region=region, default_tags=tags if isinstance(tags, Mapping) else {})

    def check(
        self, named: Named, olds: Mapping[str, Value] | None, news: Properties, proposed_name: str = ""
    ) -> tuple[Properties, list[Failure]]:
        """Check a resource's arguments; return them with defaults, automatic name and all tags."""
        spec, shape = self._spec(named.token), self._shape(named.token)
        failures = list(Checker(fields=self._sdk.fields, allowed=spec.allowed).check(news, shape.arguments))
        failures += naming.too_long(spec, news)
        with self._lock:
            whose = naming.Autoname(urn=named.urn, proposed=proposed_name)
            inputs = naming.fill(spec, news, olds, whose, self._memory)
        if "tagsAll" in shape.outputs:
            inputs["tagsAll"] = self._all_tags(inputs.get("tags"))
        return inputs, failures

    def diff(self, named: Named, resource_id: str, change: Wanted) -> Diff:
        """Compare the inputs of before with the new ones; a resource stays in its region until it is replaced."""
        old, new = dict(change.old), dict(change.new)
        if "region" in self._shape(named.token).arguments:
            old["region"] = change.state.get("region") or old.get("region")
            new["region"] = new.get("region") or self._cloud.region
        found = diff(self._spec(named.token), old, new, change.ignored)
        with self._lock:
            self._memory.inputs[named.token, resource_id] = change.new
            if any(change.replaces for change in found.changes):
                self._memory.replaced[named.urn] = resource_id
        return found

    def create(self, named: Named, inputs: Properties, *, preview: bool) -> tuple[str, Properties]:
        """Make a resource: its id (empty in a preview) and its properties."""
        spec = self._spec(named.token)
        with self._lock:
            scope = self._scope(named, inputs, preview=preview)
            name = naming.prefixed(spec, inputs, named.urn, self._memory)
            if name is not None:
                scope.properties[spec.autoname] = UNKNOWN if preview else name
            if preview:
                return "", self._finish(spec, scope, creating=True)
            resource_id = identifier(spec, scope)
            maker = self._memory.created.setdefault((named.token, resource_id), named.urn)
            if maker != named.urn:
                raise RefusedError(f"{named.token} {resource_id} already exists: {maker.rpartition('::')[2]} made it")
            self._memory.inputs[named.token, resource_id] = inputs
            made = self._finish(spec, replace(scope, id=resource_id), creating=True)
            if named.token == node_groups.TOKEN:
                node_groups.write(self._cloud, self._memory, resource_id, made)
        return resource_id, made

    def update(
        self, named: Named, resource_id: str, olds: Mapping[str, Value], inputs: Properties, *, preview: bool
    ) -> Properties:
        """Change a resource; what the cloud told before stays, unless it depends on what changed."""
        with self._lock:
            self._memory.inputs[named.token, resource_id] = inputs
            spec = self._spec(named.token)
            scope = self._scope(named, inputs, resource_id=resource_id, previous=olds, preview=preview)
            for name in (spec.autoname, *spec.computed):
                if inputs.get(name) is None and olds.get(name) is not None:
                    scope.properties[name] = olds[name]
            made = self._finish(spec, scope, creating=False)
            if named.token == node_groups.TOKEN and not preview:
                node_groups.write(self._cloud, self._memory, resource_id, made)
        return made

    def delete(self, named: Named, resource_id: str, properties: Mapping[str, Value]) -> None:
        """Forget a resource, unless this run has made another with the same id in its place.

        What AWS would not delete is refused.
        """
        self._spec(named.token)
        if reason := guards.refusal(named.token, properties):
            raise RefusedError(f"{named.token} {resource_id} cannot be deleted: {reason}")
        with self._lock:
            replaced = self._memory.created.get((named.token, resource_id)) == named.urn
            if named.token == node_groups.TOKEN and not replaced:
                node_groups.remove(self._cloud, resource_id)

    def read(self, named: Named, resource_id: str, properties: Mapping[str, Value]) -> Properties:
        """Return the state as it is; for a resource that the program only looks up, make one up."""
        spec = self._spec(named.token)
        known = dict(properties)
        word = spec.id.strip("{}")
        if spec.id == f"{{{word}}}" and word in self._shape(named.token).arguments:
            known.setdefault(word, resource_id)
        with self._lock:
            self._memory.inputs.setdefault((named.token, resource_id), known)
            return self._finish(spec, self._scope(named, known, resource_id=resource_id), creating=False)

    def invoke(self, token: str, args: Mapping[str, Value]) -> tuple[Properties, list[Failure]]:
        """Answer a function."""
        function = functions.KNOWN.get(token)
        if function is None:
            raise RefusedError(self._unknown("function", token, list(functions.KNOWN)))
        shape = self._sdk.function(token)
        failures = list(Checker(fields=self._sdk.fields, allowed={}).check(args, shape.arguments))
        if failures:
            return {}, failures
        if has_unknown(dict(args)):
            return dict.fromkeys(shape.results, UNKNOWN), []
        try:
            return function(self._cloud, plain_object(args)), []
        except functions.NoAnswerError as error:
            raise RefusedError(f"{token}: {error}") from error

    def _scope(
        self,
        named: Named,
        inputs: Mapping[str, Value],
        *,
        resource_id: str | None = None,
        previous: Mapping[str, Value] | None = None,
        preview: bool = False,
    ) -> Scope:
        return Scope(
            cloud=self._cloud,
            memory=self._memory,
            urn=named.urn,
            properties={key: value for key, value in inputs.items() if key != naming.DEFAULTS},
            id=UNKNOWN if resource_id is None else resource_id,
            previous=previous or {},
            preview=preview,
        )

    def _finish(self, spec: Spec, scope: Scope, *, creating: bool) -> Properties:
        shape = self._shape(spec.token)
        if "region" in shape.arguments and scope.properties.get("region") is None:
            scope.properties["region"] = self._cloud.region
        return mark_secrets(outputs(spec, scope, creating=creating), shape.secrets)

    def _all_tags(self, tags: Value) -> Value:
        given = unwrap(tags)
        if given is UNKNOWN:
            return tags
        together = {**self._cloud.default_tags, **(given if isinstance(given, Mapping) else {})}
        return Secret(together) if isinstance(tags, Secret) else together

    def _spec(self, token: str) -> Spec:
        if token not in self._specs:
            raise RefusedError(self._unknown("resource type", token, list(self._specs)))
        return self._specs[token]

    def _shape(self, token: str) -> ResourceShape:
        return self._sdk.resource(token)

    def _unknown(self, what: str, token: str, known: Sequence[str]) -> str:
        try:
            _ = self._sdk.resource(token) if what == "resource type" else self._sdk.function(token)
            where = f"{self._distribution} {self.version} has it; add it to rehearsal/standin"
        except (NoSuchTypeError, ValueError):
            where = f"nor does {self._distribution} {self.version}"
        near = get_close_matches(token, known, n=3)
        listed = f"near: {', '.join(near)}" if near else f"known: {', '.join(sorted(known))}"
        return f"the stand-in for {self.package} has no {what} {token} ({where}); {listed}"


def plain_object(args: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return arguments with every secret opened."""
    return {key: plain(value) for key, value in args.items()}


def _open(value: Value) -> Value:
    """Parse a configuration value that is JSON text; anything else is returned as it is."""
    inner = unwrap(value)
    if not isinstance(inner, str):
        return inner
    try:
        return json.loads(inner)
    except ValueError:
        return inner


def _strings(value: Value) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
