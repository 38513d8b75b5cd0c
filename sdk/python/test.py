"""python test.py PROJECT: runs PROJECT/tests under unittest, with the host played by a stand-in (`jackfield_sdk.testing`)."""

import subprocess
import sys
import tempfile
from pathlib import Path

from contract import HERE, classes, entry, tool, write_world


def test(project: Path) -> int:
    module = entry(project)
    with tempfile.TemporaryDirectory(prefix="jackfield-python-test-") as folder:
        bindings = Path(folder) / "bindings"
        given = write_world(Path(folder) / "wit", classes(module))
        subprocess.run([tool(), *given, "bindings", str(bindings)], check=True)
        paths = [str(bindings), str(HERE), str(module.parent), str(project / "tests")]
        code = f"import sys; sys.path[:0] = {paths!r}; import unittest; unittest.main(None, argv=sys.argv)"
        arguments = ["discover", "-s", str(project / "tests"), "-t", str(project / "tests")]
        return subprocess.run([sys.executable, "-B", "-c", code, *arguments]).returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python test.py PROJECT")
    sys.exit(test(Path(sys.argv[1]).resolve()))
