"""Errors that a user can do something about, each with its exit code.

    StreamEngineError
    ├── InputError      3   the input cannot be read, or holds no audio
    ├── BackendError    4   a chosen back end, its weights or its language is missing
    ├── StorageError    7   no space, or no permission to write
    └── SessionInUse    8   another process works on this session

The message is one line: what, where, what to do. Mistakes in a call are `ValueError`.
"""


class StreamEngineError(Exception):
    """Base of all errors that are shown to the user as one line."""

    exit_code = 70


class InputError(StreamEngineError):
    """The input cannot be read, or holds no audio."""

    exit_code = 3


class BackendError(StreamEngineError):
    """A chosen back end, its weights or its language is missing."""

    exit_code = 4


class StorageError(StreamEngineError):
    """No space, or no permission to write."""

    exit_code = 7


class SessionInUse(StreamEngineError):
    """Another process works on this session."""

    exit_code = 8
