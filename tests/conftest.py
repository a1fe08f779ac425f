"""What every test gets."""

from hypothesis import settings

# two shared cores: how long one example takes says nothing about the code
settings.register_profile("shared-cores", deadline=None)
settings.load_profile("shared-cores")
