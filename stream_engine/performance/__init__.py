"""Where the time of a run goes: figures of a trace, and a logger for stages that are no stream's."""

from stream_engine.performance.blocks import PerformanceTimer
from stream_engine.performance.gpu_monitor import GPUMonitor
from stream_engine.performance.logger import PerformanceLogger
from stream_engine.performance.run_metrics import metrics
from stream_engine.performance.shared import get_logger, reset_logger

__all__ = ["GPUMonitor", "PerformanceLogger", "PerformanceTimer", "get_logger", "metrics", "reset_logger"]
