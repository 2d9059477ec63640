"""One command on many hosts, by Dask: each host alone, its rows collected as they are finished."""

from prefault_kit.studies.fleet.collected import Fleet, Host, read

__all__ = ["Fleet", "Host", "read"]
