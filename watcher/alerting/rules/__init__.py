"""What is each alert made of, and how do the rule files come of it?"""
