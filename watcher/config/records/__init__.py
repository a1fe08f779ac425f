"""Records in the config: where they are, and whom they are believed."""
