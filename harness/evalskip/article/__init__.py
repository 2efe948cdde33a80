"""The study of one article's claims: each claim, what real runs show of it, and their ledger.

Above all the rest: nothing else knows of an article.
"""
