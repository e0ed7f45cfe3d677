"""Quality control: pairs of photograph and style are painted, measured, and compared with what another model does."""
