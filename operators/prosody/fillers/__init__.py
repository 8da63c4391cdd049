"""Lists of fillers, one file for each language; see `operators.prosody.filler_list`."""
