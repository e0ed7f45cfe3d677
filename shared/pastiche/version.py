"""The version of the distribution and of the wire protocol."""

VERSION = "0.1.0"
PROTOCOL = (1, 4)
