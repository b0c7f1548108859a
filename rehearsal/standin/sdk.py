"""What a provider's Python SDK says about its types, read from its source text.

Importing the SDK's modules takes seconds; a type's few classes are found by name and parsed in milliseconds.
The generated code has one form for all types, which is what this relies on (and what the tests check).
"""

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from rehearsal.standin.shapes import (
    Anything,
    Argument,
    Arguments,
    Block,
    Either,
    FunctionShape,
    ListOf,
    MapOf,
    OneOf,
    ResourceShape,
    Scalar,
    Shape,
)

_CLASS = re.compile(r"^class (\w+)(?:\([^\n]*\))?:$", re.MULTILINE)
_SIGNATURE = re.compile(r"    def __init__\(__self__(?:, \*)?,?(.*?)\):\n", re.DOTALL)
_GETTER = re.compile(r"    @pulumi\.getter(?:\(name=\"(\w+)\"\))?\n(?:    @[^\n]*\n)*    def (\w+)\(self\)")
_OUTPUT = re.compile(r"^ {12}__props__\.__dict__\[\"(\w+)\"\] = None$", re.MULTILINE)
_SECRETS = re.compile(r"additional_secret_outputs=\[([^\]]*)\]")
_FUNCTION_ARGUMENT = re.compile(r"    __args__\['(\w+)'\] = (\w+)$", re.MULTILINE)
_ENUM_VALUE = re.compile(r"^    \w+ = \"([^\"]*)\"$", re.MULTILINE)
_SCALARS = {"str", "int", "float", "bool"}


class NoSuchTypeError(LookupError):
    """The SDK has no such resource type or function."""


class Sdk:
    """One package's metadata; everything is read when first asked for, and kept."""

    def __init__(self, package: str) -> None:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise NoSuchTypeError(f"the package {package} is not installed")
        self._root = Path(spec.submodule_search_locations[0])
        self._text = cache(self._read_text)
        self._classes = cache(self._index)
        self.resource = cache(self._resource)
        self.function = cache(self._function)
        self.fields = cache(self._fields)

    def provider_arguments(self) -> Arguments:
        """Return what the provider itself is configured with."""
        return self._arguments("", "provider.py", "ProviderArgs")

    def _resource(self, token: str) -> ResourceShape:
        """Return a resource type's shape; `token` is like aws:ec2/vpc:Vpc."""
        folder, name = _parts(token)
        file = f"{_snake(name)}.py"
        text = self._file(folder, file, token)
        body = self._class(folder, file, name)
        wire = _wire_names(body)
        secrets = _SECRETS.search(text)
        return ResourceShape(
            arguments=self._arguments(folder, file, self._argument_class(folder, file, name)),
            outputs=tuple(dict.fromkeys(wire.get(match[1], match[1]) for match in _OUTPUT.finditer(body))),
            secrets=frozenset(re.findall(r"\w+", secrets[1])) if secrets else frozenset(),
        )

    def _function(self, token: str) -> FunctionShape:
        """Return a function's shape; `token` is like aws:eks/getAddonVersion:getAddonVersion."""
        folder, name = _parts(token)
        function = _snake(name)
        file = f"{function}.py"
        text = self._file(folder, file, token)
        start = text.index(f"\ndef {function}(")
        body = text[start : text.index("\ndef ", start + 1)]
        signature = body[body.index("(") + 1 : body.index(") ->")]
        wire = {argument: name for name, argument in _FUNCTION_ARGUMENT.findall(body)}
        result = self._class(folder, file, f"{name[0].upper()}{name[1:]}Result")
        return FunctionShape(
            arguments={
                wire[argument]: shape for argument, shape in self._parse(signature, folder).items() if argument in wire
            },
            results=tuple(_wire_names(result).values()),
        )

    def _fields(self, block: Block) -> Arguments:
        """Return the arguments of a nested object."""
        return self._arguments(block.folder, "_inputs.py", block.name)

    def _file(self, folder: str, file: str, token: str) -> str:
        text = self._text(folder, file)
        if f"'{token}'" not in text:
            raise NoSuchTypeError(token)
        return text

    def _read_text(self, folder: str, file: str) -> str:
        path = self._root / folder / file
        return path.read_text() if path.is_file() else ""

    def _index(self, folder: str, file: str) -> dict[str, tuple[int, int]]:
        """Return where each class of a file begins and ends."""
        text = self._text(folder, file)
        found = list(_CLASS.finditer(text))
        ends = [later.start() for later in found[1:]] + [len(text)]
        return {match[1]: (match.start(), end) for match, end in zip(found, ends, strict=True)}

    def _class(self, folder: str, file: str, name: str) -> str:
        begin, end = self._classes(folder, file).get(name, (0, 0))
        return self._text(folder, file)[begin:end]

    def _argument_class(self, folder: str, file: str, name: str) -> str:
        """Return the class of a resource's arguments; the generator evades a nested object of the same name."""
        return next((found for found in (f"{name}Args", f"{name}InitArgs") if found in self._classes(folder, file)), "")

    def _arguments(self, folder: str, file: str, name: str) -> Arguments:
        body = self._class(folder, file, name)
        signature = _SIGNATURE.search(body)
        if signature is None:
            return {}
        wire = _wire_names(body)
        return {wire.get(argument, argument): shape for argument, shape in self._parse(signature[1], folder).items()}

    def _parse(self, signature: str, folder: str) -> dict[str, Argument]:
        """Parse the text of a signature's arguments."""
        tree = ast.parse(f"def _(*, {signature.strip().lstrip('*, ')}): pass").body[0]
        if not isinstance(tree, ast.FunctionDef):
            return {}
        return {
            argument.arg: Argument(shape=self._shape(argument.annotation, folder), required=default is None)
            for argument, default in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True)
        }

    def _shape(self, annotation: ast.expr | None, folder: str) -> Shape:
        """Turn a type annotation of the generated code into a shape."""
        match annotation:
            case ast.Attribute(value=ast.Name(id="_builtins"), attr=kind) | ast.Name(id=kind) if kind in _SCALARS:
                shape: Shape = Scalar(kind)
            case ast.Constant(value=str(name)):
                shape = self._named(name, folder)
            case ast.Subscript(value=ast.Attribute(attr="Input") | ast.Name(id="Optional"), slice=inner):
                shape = self._shape(inner, folder)
            case ast.Subscript(value=ast.Name(id="Sequence"), slice=inner):
                shape = ListOf(self._shape(inner, folder))
            case ast.Subscript(value=ast.Name(id="Mapping"), slice=ast.Tuple(elts=[_, inner])):
                shape = MapOf(self._shape(inner, folder))
            case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=members)):
                shape = self._union([self._shape(member, folder) for member in members])
            case _:
                shape = Anything()
        return shape

    def _union(self, members: list[Shape]) -> Shape:
        """Join a union's members: an enumeration beside a plain string names some of what the string may be."""
        known = [member for member in members if not isinstance(member, Anything)]
        if Scalar("str") in known:
            known = [member for member in known if not isinstance(member, OneOf)]
        unique = tuple(dict.fromkeys(known))
        return unique[0] if len(unique) == 1 else Either(unique) if unique else Anything()

    def _named(self, name: str, folder: str) -> Shape:
        """Resolve a class named in a string: a nested object (…Args), an enumeration, or neither."""
        module, _, simple = name.rpartition(".")
        where = module.strip("_") if module and module != "outputs" else folder
        if simple.endswith("Args") and module != "outputs":
            return Block(where, simple)
        values = tuple(_ENUM_VALUE.findall(self._class(where, "_enums.py", simple)))
        return OneOf(values) if values else Anything()


def _wire_names(body: str) -> dict[str, str]:
    """Return the protocol's name of each Python name, from a class's getters."""
    return {match[2]: match[1] or match[2] for match in _GETTER.finditer(body)}


def _parts(token: str) -> tuple[str, str]:
    """Split a type token into the SDK's folder and the class's or function's name."""
    _, module, name = token.split(":")
    folder = module.split("/", maxsplit=1)[0]
    return "" if folder == "index" else folder, name


def _snake(name: str) -> str:
    """Return the file name that the generator gives to a class: LoadBalancer is load_balancer."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
