"""Judges of the watcher's own SVID and trust bundles, which stand for those of its neighbours."""
