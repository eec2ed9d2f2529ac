"""The docs site: docs/site builds it, and a browser and a reader's programs use it."""
