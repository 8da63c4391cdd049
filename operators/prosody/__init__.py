"""How it is said: from frames of audio and words of text to figures of a segment."""
