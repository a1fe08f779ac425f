"""The ways to look at an agent: the only places that touch the network. A public module is one source."""
