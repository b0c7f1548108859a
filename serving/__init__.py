"""The HTTP service of one model version: validation, batching, health, metrics and logs around an ONNX graph."""

import os

# ONNX Runtime's official builds report their use to the vendor unless this is set before they are first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
