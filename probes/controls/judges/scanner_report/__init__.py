"""What other scanners and policy engines say of the images that run."""
