"""What series tell of agents beside rules: figures, and what is kept of them from round to round."""
