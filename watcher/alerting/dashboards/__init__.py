"""What is on each dashboard, and how do the files come of it?"""
