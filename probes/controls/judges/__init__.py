"""The pure judges of controls: what has a `@judge` is found, so adding one edits nothing else."""
