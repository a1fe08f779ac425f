"""How a verdict on one control of one agent is formed: evidence, records and the verdict before in, a finding out."""
