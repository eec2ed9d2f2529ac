"""The clock as caller: work that nobody asks for by HTTP. One file per job, one loop."""
