from setuptools import setup

setup(
    cffi_modules=["prefault_kit/kernel/native/build.py:ffibuilder"],
    # one wheel for CPython 3.11 and later: cffi compiles against the limited API
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
