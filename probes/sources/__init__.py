"""The ways to look at an agent: the only places that touch the network. What has a `KIND` is one source."""
