from setuptools import setup

setup(cffi_modules=["prefault_kit/kernel/native/build.py:ffibuilder"])
