"""What an agent says of its own health, and how a kubelet's questions would be answered."""
