"""Audio in, audio out: health, down-mix, resample."""
