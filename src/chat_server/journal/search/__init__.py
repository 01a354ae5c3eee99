"""The search of engines with an index of words: which words stand where, in a file that can be made anew, and what keeps it level."""
