"""The links of records and alerts: are the documents still there?"""
