"""Which agents are there to be watched?"""
