"""The boundary to the C: what mypy is told of it is what is there, and it is the only door."""

import ast
import inspect
import re
import sys
import sysconfig
from pathlib import Path

import pytest

import prefault_kit
from prefault_kit.kernel import syscalls
from prefault_kit.kernel.native import build

NATIVE = Path(build.__file__).parent
SETUP = next(each / "setup.py" for each in NATIVE.parents if (each / "setup.py").exists())
API = re.sub(r"/\*.*?\*/", "", (NATIVE / "api.h").read_text(), flags=re.DOTALL)
STUB = {
    node.name: node
    for node in ast.parse((NATIVE / "_prefault.pyi").read_text()).body
    if isinstance(node, ast.ClassDef)
}
STRUCTS = {
    "pf_work": "WorkPointer",
    "pf_page_counts": "PageCountsPointer",
    "pf_cache_counts": "CacheCountsPointer",
    "pf_look": "LookPointer",
    "pf_drained": "DrainedPointer",
}
INTEGERS = {"int", "uint32_t", "size_t", "int64_t", "uint64_t", "uintptr_t", "unsigned long"}


def declared() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """The functions of api.h: result, and type and name of each parameter."""
    functions = {}
    for result, name, words in re.findall(r"^(int|void) (pf_\w+)\(([^)]*)\);", API, re.MULTILINE):
        parameters = [each.split() for each in words.replace("*", " * ").split(",")]
        pairs = [(" ".join(each[:-1]), each[-1]) for each in parameters if each != ["void"]]
        functions[name] = (result, pairs)
    return functions


def python_type(c_type: str) -> str:
    """How the stub spells a type of api.h."""
    if c_type in INTEGERS:
        return "int"
    if c_type == "const char *":
        return "bytes | CData"
    return STRUCTS.get(c_type.removesuffix(" *"), "CData")


def test_the_stub_has_the_functions_of_api_h() -> None:
    """Each by name, with the names and types of its parameters and its result."""
    stubbed = {
        node.name: (
            ast.unparse(node.returns),
            [(ast.unparse(each.annotation), each.arg) for each in node.args.posonlyargs[1:]],
        )
        for node in STUB["Lib"].body
        if isinstance(node, ast.FunctionDef)
        and node.returns
        and all(each.annotation for each in node.args.posonlyargs[1:])
    }
    assert stubbed == {
        name: (
            {"int": "int", "void": "None"}[result],
            [(python_type(c_type), parameter) for c_type, parameter in parameters],
        )
        for name, (result, parameters) in declared().items()
    }


def test_the_stub_has_the_constants_of_the_build() -> None:
    """And no others; all are integers."""
    constants = [node for node in STUB["Lib"].body if isinstance(node, ast.AnnAssign)]
    assert [ast.unparse(node.target) for node in constants] == build.CONSTANTS
    assert {ast.unparse(node.annotation) for node in constants} == {"Final[int]"}


@pytest.mark.parametrize("struct", STRUCTS)
def test_the_stub_has_the_fields_of_each_struct(struct: str) -> None:
    """In order, as api.h and as the compiled module have them."""
    fields = [node for node in STUB[STRUCTS[struct]].body if isinstance(node, ast.AnnAssign)]
    names = [ast.unparse(node.target) for node in fields]
    assert names == [name for name, _ in syscalls.ffi.typeof(struct).fields]
    assert {ast.unparse(node.annotation) for node in fields} == {"int"}


def test_the_compiled_module_is_of_this_source() -> None:
    """Its names are those of api.h and of the build: else make setup has not been run."""
    assert set(dir(syscalls.lib)) == {*declared(), *build.CONSTANTS}


def test_the_c_is_the_only_door_to_the_kernel() -> None:
    """No module calls the C library by itself, makes an ioctl, or lays out a kernel's struct."""
    package = Path(prefault_kit.__file__).parent
    doors = re.compile(r"^\s*(?:import|from) (ctypes|struct)\b|\b(ioctl)\(", re.MULTILINE)
    found = {
        str(path.relative_to(package)): doors.findall(path.read_text())
        for path in package.rglob("*.py")
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_every_source_is_compiled() -> None:
    """No C file lies beside the build that is not a part of it."""
    made_by_cffi = {"_prefault"}
    assert {path.stem for path in NATIVE.glob("*.c")} - made_by_cffi == set(build.SOURCES)


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="no stable ABI without the GIL"
)
def test_one_build_serves_every_python() -> None:
    """The compiled module keeps to the stable ABI, and so does the wheel's name."""
    assert inspect.getfile(sys.modules["prefault_kit.kernel.native._prefault"]).endswith(".abi3.so")
    assert '"py_limited_api": "cp311"' in SETUP.read_text()
