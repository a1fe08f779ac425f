"""The lines of the post-deploy verification, judged in their windows."""
