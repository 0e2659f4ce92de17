"""The room `wire/`: bytes and sockets."""
