from setuptools import setup

setup(cffi_modules=["prefault_kit/native/build.py:ffibuilder"])
