"""Which Python this is and how it was built: profile-guided optimization (PGO) is worth a fifth of the CPU that the server takes.

Knows the standard library only, for scripts/venv asks each Python with it before anything is installed: as a command it prints the words, and says
with its exit code whether environments can be made. It is asked with -I, or the venv that it finds is the one beside it.
"""

import importlib.util
import platform
import sys
import sysconfig

OLDEST = (3, 11)


def is_built_with_pgo() -> bool:
    """Whether the interpreter's own code was arranged by how it ran."""
    arguments, taking, using = sysconfig.get_config_vars("CONFIG_ARGS", "PGO_PROF_GEN_FLAG", "PGO_PROF_USE_FLAG")
    if "--enable-optimizations" in (arguments or ""):
        return True
    # Every configure writes down which flags PGO would take, used or not: that they are there tells nothing. Debian and Ubuntu build with PGO by
    # a rule of their own, and then take the flags that used the profile, and only those, out of what they installed.
    return bool(taking) and not using


def in_words() -> str:
    """Like "CPython 3.11.7, built with PGO"."""
    name = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{name}, built {'with' if is_built_with_pgo() else 'without'} PGO"


def makes_environments() -> bool:
    """Whether it is new enough and has its venv, which Debian keeps in a package of its own."""
    return sys.version_info >= OLDEST and all(map(importlib.util.find_spec, ("ensurepip", "venv")))


if __name__ == "__main__":
    print(in_words())
    sys.exit(not makes_environments())
