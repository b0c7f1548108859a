"""The HTTP service of one model version: validation, batching, health, metrics and logs around an ONNX graph."""
