"""What the probe `svid` is made of: reach, dates, trust, identity."""
