"""The links of records: are the documents still there?"""
