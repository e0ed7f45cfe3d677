"""Networks at work: stage by stage, piece by piece, by PyTorch or by OpenVINO."""
