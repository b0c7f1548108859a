"""Builds model versions: spec, sources, training, ONNX export, checks, manifest, receipt."""

import os

# ONNX Runtime's official builds report their use to the vendor unless this is set before they are first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
