"""Secrets inside of texts: names of keys, formats that are known, and parts of URLs and arguments."""
