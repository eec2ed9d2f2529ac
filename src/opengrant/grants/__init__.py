"""What happens: applications, connectors, connect, look-up, change. Knows providers, vault and store; knows no HTTP."""
