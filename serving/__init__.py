"""The HTTP service of one model version: validation, batching, health, metrics and logs around an ONNX graph."""

import os

# ONNX Runtime's official builds report their use to the vendor unless this is set before they are first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# gRPC's core writes to standard error in a format of its own; what matters of it is logged by serving.span_export.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
