"""The ways to look at an agent: no other code talks to one. What has a `KIND` is one source."""
