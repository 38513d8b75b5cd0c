"""python build.py PROJECT OUT.wasm: from a folder with src/connector.py to a component. The manifest is embedded by jackfield-dev."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from contract import HERE, classes, entry, tool, write_world


def build(project: Path, out: Path) -> None:
    module = entry(project)
    with tempfile.TemporaryDirectory(prefix="jackfield-python-") as folder:
        given = write_world(Path(folder) / "wit", classes(module))
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(f"{out.name}.part")
        # Copies, because what is imported leaves compiled files beside it.
        app = Path(folder) / "app"
        left_out = shutil.ignore_patterns("__pycache__", "testing.py")
        shutil.copytree(module.parent, app, ignore=left_out)
        shutil.copytree(HERE / "jackfield_sdk", app / "jackfield_sdk", ignore=left_out)
        done = subprocess.run([tool(), *given, "componentize", "-p", str(app), "-o", str(part), module.stem])
        if done.returncode != 0:
            part.unlink(missing_ok=True)
            sys.exit(done.returncode)
        # It appears whole or not at all.
        part.replace(out)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python build.py PROJECT OUT.wasm")
    build(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
