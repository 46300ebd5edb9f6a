"""Verdicts on the numbers of engines: the words, the judge, and explanations."""
