"""What one pod says of itself, checked before it is believed."""
