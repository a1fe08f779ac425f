"""What a store of traces says of controls."""
