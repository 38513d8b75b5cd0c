"""The world of one connector, and how its names become names of Python modules."""

import ast
import os
import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The contract lies beside the SDK, as in the project's own repository; JACKFIELD_WIT names another place.
CONTRACT = Path(os.environ.get("JACKFIELD_WIT", HERE.parent.parent / "wit"))
PACKAGE = "jackfield:connector"
IMPORTS = ["channel", "log", "state", "secrets"]

# componentize-py would name these by what else is in the world.
NAMES = ["{package}/types@{version}=types", "wasi:http/types@{wasi}=http_types"]


def classes(entry: Path) -> list[str]:
    """The classes that a module defines, without running it."""
    return [node.name for node in ast.parse(entry.read_text(), str(entry)).body if isinstance(node, ast.ClassDef)]


def write_world(folder: Path, names: list[str]) -> list[str]:
    """Writes the WIT of a world `connector` that exports exactly what `names` are classes of. Returns componentize-py's arguments."""
    texts = {path.name: path.read_text() for path in CONTRACT.glob("*.wit")}
    version = re.search(r"^package [^@]+@([^;]+);", next(iter(texts.values())), re.M)[1]
    wasi = re.search(r"^package wasi:http@([^;]+);", (CONTRACT / "deps/http.wit").read_text(), re.M)[1]
    interfaces = [name for text in texts.values() for name in re.findall(r"^interface ([a-z-]+)", text, re.M)]
    offered = [name for name in interfaces if name != "types" and name not in IMPORTS]
    exported = [name for name in offered if name.replace("-", " ").title().replace(" ", "") in names]
    # Whoever asks for news need not be called.
    required = ["poll" if "Poll" in names else "receive", "identity"]
    missing = [f"`{name.title()}`" for name in required if name not in exported]
    if missing:
        sys.exit(f"The connector has no class {' and '.join(missing)}; every connector needs one.")
    lines = [f"  import {PACKAGE}/{name}@{version};" for name in IMPORTS]
    lines.append(f"  import wasi:http/outgoing-handler@{wasi};")
    lines.extend(f"  export {PACKAGE}/{name}@{version};" for name in exported)
    contract = folder / "deps/contract"
    shutil.copytree(CONTRACT / "deps", folder / "deps")
    contract.mkdir()
    for name, text in texts.items():
        # Not the worlds: what they name is none of this connector's business.
        if not re.search(r"^world ", text, re.M):
            (contract / name).write_text(text)
    world = "\n".join(lines)
    (folder / "world.wit").write_text(f"package jackfield:built;\n\nworld connector {{\n{world}\n}}\n")
    given = ["--quiet", "--wit-path", str(folder), "--world", "connector"]
    for name in NAMES:
        given += ["--import-interface-name", name.format(package=PACKAGE, version=version, wasi=wasi)]
    return given


def tool() -> str:
    """The pinned componentize-py, from the environment that runs this."""
    path = Path(sys.executable).parent / "componentize-py"
    if not path.exists():
        sys.exit(
            f"componentize-py is not installed beside {sys.executable}: pip install -r {HERE / 'requirements.txt'}"
        )
    return str(path)


def entry(project: Path) -> Path:
    """The module that a connector begins with."""
    path = project / "src/connector.py"
    if not path.exists():
        sys.exit(f"There is no connector in {project}: src/connector.py does not exist.")
    return path
