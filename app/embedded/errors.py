"""The one error of this room: why the embedded server cannot be had."""


class EmbeddedError(Exception):
    """The private server or its data folder cannot be used; the message is written for the person who started us."""


class DataFolderBusyError(EmbeddedError):
    """Another process owns the data folder; the message names its pid."""
