"""The past: each verdict that turned, kept in a database for some weeks, and what can be asked of it."""
