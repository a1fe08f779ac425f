"""The checklist: its controls, what evidence shows of each, and the verdict; pure, as all that judges."""
