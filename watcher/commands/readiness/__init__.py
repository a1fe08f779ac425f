"""The command `readiness`: of manifests, of what is there now, or of what a running daemon says."""
