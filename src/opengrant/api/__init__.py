"""The HTTP door: translates the wire into one call and back. Knows grants; never store, vault or providers."""
