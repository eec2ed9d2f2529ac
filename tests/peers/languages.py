"""Go, Ruby, PHP and Java: those of this machine, else Debian's, which `./dev check` unpacks and does not install."""

import shutil
from collections.abc import Mapping

from tests.peers.unpacked import ROOT, libraries

_UNPACKED = {
    "go": "usr/lib/go-*/bin/go",
    "java": "usr/lib/jvm/*/bin/java",
    "php": "usr/bin/php[0-9]*",
    "ruby": "usr/bin/ruby[0-9]*",
}
_RUBY_LIBRARIES = ("usr/lib/ruby/[0-9]*", "usr/lib/*-linux-gnu/ruby/[0-9]*")


def interpreter(language: str) -> tuple[str, Mapping[str, str]]:
    """The program that runs a file of this language, and what it needs in its environment; ("", {}): there is none."""
    # Go compiles the standard library once into this folder. The Java compiler ends before it pays to optimise it.
    settings = {"GOCACHE": str(ROOT / "go-build"), "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    if found := shutil.which(language):
        return found, settings
    for unpacked in sorted(ROOT.glob(_UNPACKED[language])):
        ruby = [str(folder) for pattern in _RUBY_LIBRARIES for folder in ROOT.glob(pattern)]
        return str(unpacked), {**settings, "LD_LIBRARY_PATH": libraries(), "RUBYLIB": ":".join(ruby)}
    return "", {}
