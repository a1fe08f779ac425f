"""ConfigMaps that agents use, read one by one, and the config of each agent in them."""
