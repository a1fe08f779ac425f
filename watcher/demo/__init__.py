"""The demo: a fleet of small simulated agents on loopback, with faults that come and go, and the daemon watching."""

import os

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # read with grpc, which else tells of each agent that is started
