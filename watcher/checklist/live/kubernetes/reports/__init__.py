"""What other scanners report of the images that agents run: what is kept of each report, and whose it is."""
