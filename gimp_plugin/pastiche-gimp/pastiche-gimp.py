#!/usr/bin/env python3
"""Pastiche for GIMP 3: Filters > Artistic > Neural Style (Pastiche)."""

from __future__ import annotations

import sys

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp  # noqa: E402

from pastiche_gimp.plug_in import PastichePlugIn  # noqa: E402

Gimp.main(PastichePlugIn.__gtype__, sys.argv)
