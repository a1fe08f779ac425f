"""Draws pictures of what probes judged by as SVG: for pages when they are asked for, and for reports."""
