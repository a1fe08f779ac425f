"""How a metrics page is asked for, what its answer is, and what was learnt of it at earlier looks."""
