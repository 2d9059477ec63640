import sysconfig

from setuptools import setup

# The C keeps to the limited API (cffi's default), so one wheel serves every Python from 3.11 on; a
# free-threaded Python has no such API.
limited = {} if sysconfig.get_config_var("Py_GIL_DISABLED") else {"py_limited_api": "cp311"}

setup(
    cffi_modules=["prefault_kit/kernel/native/build.py:ffibuilder"],
    options={"bdist_wheel": limited},
)
