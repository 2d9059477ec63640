"""The version of the kit, in its one place."""

VERSION = "0.1.0"
