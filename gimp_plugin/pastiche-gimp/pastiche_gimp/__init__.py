"""The GIMP plug-in: it sends the active layer to the daemon and puts the pastiche above it."""
