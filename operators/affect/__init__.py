"""How something is said and what it may mean: mood of the voice, emotion of the words, intent."""
