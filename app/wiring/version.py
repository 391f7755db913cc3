"""Which imagegate this is."""

from importlib.metadata import version

VERSION = version("imagegate")
