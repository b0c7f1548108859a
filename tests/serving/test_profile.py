"""Profiles: from variables to the options of ONNX Runtime's TensorRT provider, and to the limits of batches."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.profile import Profile, Shape, tensorrt_options
from serving.settings import Settings, SettingsError

VARIABLES = {
    "SERVING_PROVIDER": "TensorrtExecutionProvider",
    "SERVING_PRECISION": "fp16",
    "SERVING_BATCH_SHAPES": "1,8,32",
    "SERVING_LENGTH_SHAPES": "8,32,128",
    "SERVING_WORKSPACE_MIB": "1024",
    "SERVING_ENGINE_CACHE": "/engines",
}
# All that the provider library of onnxruntime-gpu 1.31.1 takes under these names.
KNOWN = {
    "device_id",
    "trt_fp16_enable",
    "trt_bf16_enable",
    "trt_max_workspace_size",
    "trt_engine_cache_enable",
    "trt_engine_cache_path",
    "trt_timing_cache_enable",
    "trt_timing_cache_path",
    "trt_profile_min_shapes",
    "trt_profile_opt_shapes",
    "trt_profile_max_shapes",
}


def test_a_profile_as_options() -> None:
    """Precision, workspace, caches and the three shapes of every input are what the provider is told."""
    profile = Settings.from_environment(VARIABLES).profile
    assert profile is not None
    options = tensorrt_options(profile, inputs=["input_ids", "attention_mask"], engines=Path("/e"), timings=Path("/t"))
    assert options == {
        "device_id": "0",
        "trt_fp16_enable": "True",
        "trt_bf16_enable": "False",
        "trt_max_workspace_size": str(1024 * 1024**2),
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": "/e",
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": "/t",
        "trt_profile_min_shapes": "attention_mask:1x8,input_ids:1x8",
        "trt_profile_opt_shapes": "attention_mask:8x32,input_ids:8x32",
        "trt_profile_max_shapes": "attention_mask:32x128,input_ids:32x128",
    }
    assert options.keys() == KNOWN


@given(
    st.lists(st.integers(1, 65536), min_size=3, max_size=3).map(sorted),
    st.lists(st.integers(1, 65536), min_size=3, max_size=3).map(sorted),
    st.sampled_from(["fp32", "fp16", "bf16"]),
)
def test_any_profile_is_told_whole(batch: list[int], length: list[int], precision: str) -> None:
    """Every shape that the variables may name arrives in the options; at most one lower precision is switched on."""
    settings = Settings.from_environment(
        VARIABLES
        | {
            "SERVING_BATCH_SHAPES": ",".join(map(str, batch)),
            "SERVING_LENGTH_SHAPES": ",".join(map(str, length)),
            "SERVING_PRECISION": precision,
        }
    )
    assert settings.profile is not None
    options = tensorrt_options(settings.profile, inputs=["ids"], engines=Path("/e"))
    sizes = [options[f"trt_profile_{size}_shapes"] for size in ("min", "opt", "max")]
    assert sizes == [f"ids:{rows}x{columns}" for rows, columns in zip(batch, length, strict=True)]
    lower = {name: options[f"trt_{name}_enable"] == "True" for name in ("fp16", "bf16")}
    assert lower == {name: name == precision for name in ("fp16", "bf16")}
    assert options["trt_timing_cache_enable"] == "False"
    assert "trt_timing_cache_path" not in options
    assert (settings.batch_limit, settings.token_limit) == (batch[2], batch[2] * length[2])


def test_limits_without_a_profile() -> None:
    """Without a profile the limits of a batch are the variables of their own."""
    settings = Settings.from_environment({"SERVING_MAX_BATCH": "7", "SERVING_MAX_BATCH_TOKENS": "99"})
    assert (settings.profile, settings.batch_limit, settings.token_limit) == (None, 7, 99)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"SERVING_PRECISION": None}, "SERVING_BATCH_SHAPES is set, SERVING_PRECISION is not: set all or none"),
        (
            {"SERVING_PRECISION": None, "SERVING_BATCH_SHAPES": None, "SERVING_LENGTH_SHAPES": None},
            "SERVING_PROVIDER=TensorrtExecutionProvider needs SERVING_PRECISION",
        ),
        ({"SERVING_ENGINE_CACHE": None}, "SERVING_PROVIDER=TensorrtExecutionProvider needs SERVING_ENGINE_CACHE"),
        ({"SERVING_MAX_BATCH": "8"}, "SERVING_MAX_BATCH is set, but the shapes of the profile set that limit: set one"),
        ({"SERVING_PRECISION": "int4"}, "SERVING_PRECISION='int4': Input should be 'fp32', 'fp16' or 'bf16' (of a "),
        ({"SERVING_BATCH_SHAPES": "1,8"}, "SERVING_BATCH_SHAPES='1,8': allowed are three numbers, for example 1,8,32"),
        ({"SERVING_BATCH_SHAPES": "8,1,32"}, "SERVING_BATCH_SHAPES='8,1,32': allowed is smallest <= usual <= largest"),
        ({"SERVING_LENGTH_SHAPES": "0,1,2"}, "SERVING_LENGTH_SHAPES='0,1,2': Input should be greater than or equal to"),
        ({"SERVING_WORKSPACE_MIB": "1"}, "SERVING_WORKSPACE_MIB='1': Input should be greater than or equal to 64"),
    ],
)
def test_a_profile_that_cannot_be_used(change: dict[str, str | None], sentence: str) -> None:
    """Half a profile, or one that contradicts another variable, is one sentence that names the variable."""
    variables = {name: value for name, value in (VARIABLES | change).items() if value is not None}
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(variables)
    assert str(caught.value).startswith(sentence)


def test_a_profile_is_part_of_a_key() -> None:
    """Profiles that differ in anything are different, so that their engines are."""
    shape = Shape(min=1, opt=2, max=3)
    profile = Profile(precision="fp16", batch=shape, length=shape, workspace_mib=64)
    changes: list[dict[str, object]] = [
        {"precision": "bf16"},
        {"batch": Shape(min=1, opt=1, max=3)},
        {"length": Shape(min=1, opt=2, max=4)},
        {"workspace_mib": 65},
    ]
    others = [profile.model_copy(update=change) for change in changes]
    assert len({each.model_dump_json() for each in [profile, *others]}) == 5
