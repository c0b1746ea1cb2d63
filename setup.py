"""Builds what cannot be described in pyproject.toml: the compiled kernels, which are optional, and the compiled dictionaries of a wheel."""

import os
import pathlib
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build import build

COMPILE = "import restore.lexicon as l; l.compile_dictionaries([], l.data_path() / 'en.lexicon')"


class Build(build):
    """A wheel carries the compiled dictionaries; a source tree compiles them on first use, since its rows change."""

    def run(self):
        super().run()
        if not getattr(self.get_finalized_command("build_py"), "editable_mode", False):
            target = os.path.abspath(self.build_lib)
            # In front of what is there: pip's isolated builds find their requirements by this variable.
            path = os.pathsep.join(filter(None, (target, os.environ.get("PYTHONPATH"))))
            subprocess.run([sys.executable, "-c", COMPILE], check=True, cwd=target, env={**os.environ, "PYTHONPATH": path})


extensions = []
if os.environ.get("RESTORE_PURE") != "1":
    try:
        from Cython.Build import cythonize

        # Without -ffast-math, and without contraction to fused multiply-add: the same bytes on every machine.
        flags = [] if sys.platform == "win32" else ["-O3", "-ffp-contract=off"]
        sources = ("kernels", "kernels_gate", "kernels_near", "kernels_ocr")
        folder = pathlib.Path("restore")
        if os.environ.get("RESTORE_BOUNDS") == "1":
            # Copies that check every index (make test-bounds): what a file says of itself cannot be overruled from here.
            folder = pathlib.Path("build", "checked", "restore")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").touch()
            for source in pathlib.Path("restore").glob("kernels*.p*"):
                (folder / source.name).write_text(source.read_text(encoding="utf-8").replace("boundscheck=False", "boundscheck=True", 1), encoding="utf-8")
        modules = [Extension(f"restore.{name}", [str(folder / f"{name}.py")], extra_compile_args=flags, optional=True) for name in sources]
        extensions = cythonize(modules, quiet=True)
    except Exception as problem:  # an installation without compiled kernels works, slowly
        print(f"restore: kernels are not compiled ({problem}); they run as Python", file=sys.stderr)

setup(ext_modules=extensions, cmdclass={"build": Build})
