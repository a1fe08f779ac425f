"""What the newest lines of agents' logs show: read, counted and dropped. No line is kept, shown or logged."""
