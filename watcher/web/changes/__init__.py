"""The past for readers: its API, its page, and what the pages of agents and runbooks show of it."""
