"""The command `record`: records as YAML, checked before anybody commits them."""
