"""The performance logger alone, with nothing heavy imported: `python examples/performance_logger.py logs`.

Prints each stage as it begins and ends, and a summary; `logs` then holds the same as JSON and as text.
"""

import sys
import time

from stream_engine.performance import PerformanceLogger

logger = PerformanceLogger(name="Transcription", output_dir=sys.argv[1] if len(sys.argv) > 1 else None)
logger.start_pipeline()

logger.start_stage("Preprocessing")
with logger.subprocess("silence removal", {"threshold_db": -40}):
    time.sleep(0.02)
with logger.subprocess("resampling", {"from_hz": 44100, "to_hz": 16000}):
    time.sleep(0.05)
logger.end_stage("Preprocessing")

logger.start_stage("Diarization")
with logger.subprocess("model loading"):
    time.sleep(0.04)
for window in range(3):
    with logger.subprocess("inference", {"window": window}):
        time.sleep(0.02)
logger.end_stage("Diarization")

logger.end_pipeline()
