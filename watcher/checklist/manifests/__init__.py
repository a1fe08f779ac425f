"""From manifests to agents and the evidence of each: read, never believed to be all there is."""
