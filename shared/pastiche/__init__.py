"""Pastiche: neural style transfer on your own machine. What plug-in, headless client and daemon have in common."""

from pastiche.version import VERSION as __version__

__all__ = ["__version__"]
