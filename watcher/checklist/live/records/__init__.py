"""Records: where they are read, which of them are valid, and which were seen once and are gone."""
