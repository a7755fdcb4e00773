"""A fitted model as an ONNX graph, and the recurrent layers of such graphs of others."""
