"""Builds model versions: spec, sources, training, ONNX export, checks, manifest, receipt."""
