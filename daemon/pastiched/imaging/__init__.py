"""Pictures as tensors: 1 x C x H x W, float32, sRGB-encoded in [0, 1]."""
