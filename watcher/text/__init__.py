"""Text from outside, read with its place and made fit to print."""
