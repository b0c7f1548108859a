"""All that is generated for a stack, as files: what Prometheus and Alertmanager read, and the tests of it."""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, Final

import yaml

from infra.slo import burn_tests, canary, platform_tests, promtool, routes, service_tests
from infra.slo.alertmanager import alertmanager_config
from infra.slo.assembly import platform_rules, service_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.settings import Monitoring, Service, Settings

RULES: Final = "rules.yaml"
TESTS: Final = "tests*.yaml"
"""Names of the tests' files, of which each has its own time between two evaluations: a pattern."""
TEST_DIGESTS: Final = "tests.sha256"
CANARY: Final = "canary.json"
ALERTMANAGER: Final = "alertmanager.yaml"
ROUTES: Final = "routes.json"
PLATFORM: Final = "platform-rules"
"""Name of what the platform's rules are kept in, and of their folder."""
_WIDTH: Final = 120


def objective_name(service: str) -> str:
    """Name of what a service's rules are kept in, and of their folder."""
    return f"objective-{service}"


def render(settings: Settings) -> dict[str, str]:
    """Everything, by file name: a folder for each config map, and Alertmanager's configuration.

    Args:
        settings: the stack's.
    """
    folders = {objective_name(each.name): objective_files(each, settings.monitoring) for each in settings.services}
    folders[PLATFORM] = platform_files(settings)
    folders["alertmanager"] = alertmanager_files(settings)
    return {f"{folder}/{name}": text for folder, files in folders.items() for name, text in files.items()}


def objective_files(service: Service, monitoring: Monitoring) -> dict[str, str]:
    """What comes from one objective: rules, their tests, and the thresholds of a canary."""
    rules = service_rules(service, monitoring)
    return {
        RULES: _yaml(rules),
        **{name: _yaml(tests) for name, tests in rule_tests(service, monitoring).items()},
        CANARY: _json(canary.thresholds(service)),
    }


def platform_files(settings: Settings) -> dict[str, str]:
    """The rules of all that belongs to no service, and their tests."""
    tests = {name: _yaml(tests) for name, tests in platform_rule_tests(settings).items()}
    return {RULES: _yaml(platform_rules(settings)), **tests}


def kept(files: Mapping[str, str]) -> dict[str, str]:
    """What a cluster keeps of these files: all but the tests, and these tests' digests, as ``sha256sum`` reads them.

    No pod reads tests, and they are five times as long as the rest; a preview still shows whether they change, and
    whoever renders them can tell that they are the ones.
    """
    tests = {name: text for name, text in files.items() if fnmatch(name, TESTS)}
    digests = "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in tests.items())
    return {name: text for name, text in files.items() if name not in tests} | {TEST_DIGESTS: digests}


def alertmanager_files(settings: Settings) -> dict[str, str]:
    """Alertmanager's configuration, and where each alert must arrive."""
    return {ALERTMANAGER: _yaml(alertmanager_config(settings)), ROUTES: _json(routes.route_tests(settings))}


def rule_tests(service: Service, monitoring: Monitoring) -> dict[str, dict[str, Any]]:
    """The promtool test files for a service's rules, by name."""
    cases = (*burn_tests.cases(service), *service_tests.cases(service, monitoring))
    return _tests(cases, service_rules(service, monitoring))


def platform_rule_tests(settings: Settings) -> dict[str, dict[str, Any]]:
    """The promtool test files for the platform's rules, by name."""
    return _tests(platform_tests.cases(settings), platform_rules(settings))


def _tests(cases: Iterable[promtool.Case], rules: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = promtool.files(cases, rules=rules, name=RULES)
    return {
        TESTS.replace("*", "" if evaluation == promtool.EACH_MINUTE else f"-each-{evaluation}"): tests
        for evaluation, tests in found.items()
    }


# The one with parts in C: ten times as fast, and this runs in each preview.
class _Dumper(yaml.CSafeDumper):
    """YAML for people: expressions of several lines as several lines."""


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)  # pyright: ignore[reportUnknownMemberType]  # yaml has no types


_Dumper.add_representer(str, _text)  # pyright: ignore[reportUnknownMemberType]  # as above


def _yaml(data: object) -> str:
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)


def _json(data: object) -> str:
    return json.dumps(data, indent=2) + "\n"
