"""Settings: what is taken, and one clear line for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.settings import PREFIX, Settings, SettingsError

FIELDS = sorted(name.upper() for name in Settings.model_fields)


def test_contract_of_the_deployment() -> None:
    """The variables that a Deployment sets are read."""
    settings = Settings.from_environment(
        {
            "SERVING_MODEL_DIR": "/somewhere",
            "SERVING_PROVIDER": "CUDAExecutionProvider",
            "SERVING_PORT": "9000",
            "SERVING_THREADS": "3",
            "SERVING_MAX_INPUTS": "5",
            "SERVING_MAX_CHARACTERS": "50",
            "SERVING_ROOT_PATH": "/sentiment",
            "SERVING_REQUEST_TIMEOUT_SECONDS": "2.5",
            "PATH": "/usr/bin",
        }
    )
    assert settings.model_dir == Path("/somewhere")
    assert (settings.provider, settings.port, settings.threads) == ("CUDAExecutionProvider", 9000, 3)
    assert (settings.max_inputs, settings.max_characters) == (5, 50)
    assert (settings.root_path, settings.request_timeout_seconds) == ("/sentiment", 2.5)


@given(st.text(st.characters(categories=["Lu"], max_codepoint=127), min_size=1).filter(lambda name: name not in FIELDS))
def test_an_unknown_name_is_refused(name: str) -> None:
    """A misspelt variable must not be passed over: its effect would be missed much later."""
    with pytest.raises(SettingsError, match=f"{PREFIX}{name} is not a setting; the settings are SERVING_"):
        Settings.from_environment({PREFIX + name: "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "0"),
        ("PORT", "tcp://10.0.0.1:80"),
        ("THREADS", "-1"),
        ("PROVIDER", "cuda"),
        ("ROOT_PATH", "sentiment/"),
        ("LOG_LEVEL", "loud"),
        ("REQUEST_TIMEOUT_SECONDS", "nan"),
        ("SLOT", "Blue Green"),
        ("OTLP_ENDPOINT", "collector:4317"),
        ("OTLP_ENDPOINT", "http://collector"),
        ("TRACE_SAMPLING", "101"),
    ],
)
def test_a_bad_value_is_named_in_one_line(name: str, value: str) -> None:
    """The message names the variable and the value, and is one line."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({PREFIX + name: value})
    message = str(caught.value)
    assert message.startswith(f"{PREFIX}{name}={value!r}: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("given", "missing"), [("OTLP_ENDPOINT", "TRACE_SAMPLING"), ("TRACE_SAMPLING", "OTLP_ENDPOINT")]
)
def test_tracing_is_told_whole(given: str, missing: str) -> None:
    """Where to and how many belong together; the one that is missing is named."""
    values = {"OTLP_ENDPOINT": "http://collector.monitoring:4317", "TRACE_SAMPLING": "5"}
    assert Settings.from_environment({PREFIX + name: value for name, value in values.items()}).trace_sampling == 5
    with pytest.raises(SettingsError, match=f"{PREFIX}{given} is set, {PREFIX}{missing} is not: set both or none"):
        Settings.from_environment({PREFIX + given: values[given]})
