"""What decides who may call, without a server."""
