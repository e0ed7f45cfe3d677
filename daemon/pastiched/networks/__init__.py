"""Networks: nn.Modules that know nothing of engines, files or sockets."""
