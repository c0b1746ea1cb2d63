"""Builds what cannot be described in pyproject.toml: the compiled kernels, which are optional."""

import os
import sys

from setuptools import Extension, setup

extensions = []
if os.environ.get("RESTORE_PURE") != "1":
    try:
        from Cython.Build import cythonize

        # Without -ffast-math, and without contraction to fused multiply-add: the same bytes on every machine.
        flags = [] if sys.platform == "win32" else ["-O3", "-ffp-contract=off"]
        extensions = cythonize([Extension("restore.kernels", ["restore/kernels.py"], extra_compile_args=flags, optional=True)], quiet=True)
    except Exception as problem:  # an installation without compiled kernels works, slowly
        print(f"restore: kernels are not compiled ({problem}); they run as Python", file=sys.stderr)

setup(ext_modules=extensions)
