"""Objects around agents, listed and watched kind by kind as far as rights allow it."""
