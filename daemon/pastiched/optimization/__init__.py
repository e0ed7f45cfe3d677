"""Optimization of a picture against the features of a pre-trained network (Gatys et al. 2016)."""
