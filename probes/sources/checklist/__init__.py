"""The looks that only the checklist asks for: some times an hour. What has a `KIND` is one source."""
