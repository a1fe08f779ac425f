"""The demo: a fleet of small simulated agents on loopback, with faults that come and go, and the daemon watching."""
