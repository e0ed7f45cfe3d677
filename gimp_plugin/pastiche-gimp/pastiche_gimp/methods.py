"""The methods by their names, as the procedure's argument `method` and the daemon have them."""

from pastiche.options import METHODS

FAST, FINE, TRAINED = METHODS
