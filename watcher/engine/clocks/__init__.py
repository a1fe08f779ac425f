"""Whether the date is to be believed: what the steady clock and the clocks of others say of it."""
