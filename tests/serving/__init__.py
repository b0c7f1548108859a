"""Tests of the HTTP service, with real ONNX Runtime, tokenizers and Uvicorn."""
