"""Pictures of what probes judged by, drawn as SVG when a page is asked for."""
