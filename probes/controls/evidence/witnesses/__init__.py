"""What others saw of an agent: scanners, logs, traces, and the links of its records and alerts."""
