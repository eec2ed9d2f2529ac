"""Builds a release into dist/ and tries it: `./dev release`.

From the commit, not from the working directory, so that nothing uncommitted gets in. Everything is built twice, in two
directories, and has to come out the same byte for byte: then a release can be built again and compared.
"""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("console.html", "reference.html", "licences.txt")
_WITHIN = 900
"""Seconds that a step may take."""


class Refused(Exception):
    """No release can be made; the text says why."""


def main() -> None:
    try:
        release(ROOT, ROOT / "dist")
    except Refused as problem:
        sys.exit(f"./dev release: {problem}")


def release(root: Path, dist: Path) -> None:
    """Raises Refused."""
    if changed := _output("git", "status", "--porcelain", cwd=root):
        raise Refused(f"commit these changes first:\n{changed}")
    epoch = _output("git", "log", "-1", "--format=%ct", cwd=root)
    with tempfile.TemporaryDirectory() as scratch:
        first, second = (Path(scratch) / name for name in ("one", "two/of/another/length"))
        for count, place in enumerate((first, second), 1):
            _say(f"building the source distribution, and the wheel from it ({count} of 2)")
            build(root, place, epoch)
        built = sorted((first / "dist").iterdir())
        for file in built:
            if file.read_bytes() != (second / "dist" / file.name).read_bytes():
                raise Refused(f"two builds of {file.name} differ.")
        sdist, wheel = sorted(built, key=lambda file: file.suffix == ".whl")
        _say("checking what is in them")
        version = check(wheel, forbidden=[scratch, str(root), str(Path.home())])
        dated(version, (root / "CHANGELOG.md").read_text())
        _say("installing the wheel into an empty environment, with packages of the index, and starting the server")
        try_out(wheel, Path(scratch) / "venv")
        dist.mkdir(exist_ok=True)
        locked = dist / f"opengrant-{version}-requirements.txt"
        locked.write_bytes((root / "requirements/runtime.txt").read_bytes())
        kept = [dist / file.name for file in (sdist, wheel)]
        for file in (sdist, wheel):
            (dist / file.name).write_bytes(file.read_bytes())
    sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in (*kept, locked)]
    (dist / "SHA256SUMS").write_text("".join(sums))
    _say(f"OpenGrant {version} is in {dist}")
    sys.stdout.write("".join(sums))


def build(root: Path, place: Path, epoch: str) -> None:
    """Into place/dist. epoch: seconds of the date of every file in the archives."""
    source = place / "source"
    source.mkdir(parents=True)
    archive = place / "source.tar"
    _run("git", "archive", "--output", str(archive), "HEAD", cwd=root)
    with tarfile.open(archive) as packed:
        _unpack(packed, source)
    env = {**os.environ, "SOURCE_DATE_EPOCH": epoch}
    hatchling = (sys.executable, "-m", "hatchling", "build", "--directory", str(place / "dist"), "--target")
    _run(*hatchling, "sdist", cwd=source, env=env)
    [sdist] = (place / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        _unpack(packed, place)
    _run(*hatchling, "wheel", cwd=place / sdist.name.removesuffix(".tar.gz"), env=env)


def _unpack(packed: tarfile.TarFile, place: Path) -> None:
    """Python before 3.11.4, as Debian 12 has it, takes no filter; the archives are made here."""
    packed.extraction_filter = getattr(tarfile, "data_filter", None)
    packed.extractall(place)  # noqa: S202 -- see above


def check(wheel: Path, forbidden: list[str]) -> str:
    """The version. forbidden: paths of this machine. Raises Refused."""
    with zipfile.ZipFile(wheel) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    [metadata] = (content for name, content in contents.items() if name.endswith(".dist-info/METADATA"))
    try:
        told = Metadata.from_email(metadata, validate=True)
    except ExceptionGroup as problem:
        raise Refused(f"the metadata is wrong: {', '.join(map(str, problem.exceptions))}") from None
    if missing := [page for page in PAGES if f"opengrant/pages/built/{page}" not in contents]:
        raise Refused(f"the wheel has no {', '.join(missing)}.")
    for name, content in contents.items():
        for path in forbidden:
            if re.search(rb"(?<![\w.])" + re.escape(path.encode()) + rb"(?=/)", content):
                raise Refused(f"{name} names {path}, a path of this machine.")
    return str(told.version)


def dated(version: str, changelog: str) -> None:
    """Raises Refused unless the changelog has the release and its date."""
    if not re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$", changelog, re.MULTILINE):
        raise Refused(f"CHANGELOG.md has no section '## {version} (YYYY-MM-DD)'.")


def try_out(wheel: Path, place: Path) -> None:
    """Install as pipx would, without Node, and ask the server for its pages. Raises Refused."""
    venv.create(place, with_pip=True)
    _run(str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--no-input", str(wheel), cwd=place)
    with serving([str(place / "bin/opengrant"), "serve"], place) as url:
        answers(url)


@contextmanager
def serving(command: list[str], data: Path, env: dict[str, str] | None = None) -> Iterator[str]:
    """A server with nothing but Python on its path, and its URL. Raises Refused if it does not start."""
    settings = {"OPENGRANT_PORT": "0", "OPENGRANT_DATA_DIR": str(data / "data"), "OPENGRANT_LOG_FORMAT": "json"}
    with (data / "serve.log").open("w+") as log:
        process = subprocess.Popen(
            command,
            cwd=data,
            env={"PATH": "", **settings, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            printed = iter(process.stdout.readline, "")
            url = next((line.split()[1] for line in printed if line.startswith("  URL ")), None)
            if url is None:
                raise Refused(f"the server did not start:\n{(data / 'serve.log').read_text()}")
            yield url
        finally:
            process.terminate()
            status = process.wait(60)
            assert process.stdout is not None
            process.stdout.close()
    if status != 0:
        raise Refused(f"the server ended with status {status}:\n{(data / 'serve.log').read_text()}")


def answers(url: str) -> None:
    """Raises Refused unless the server is ready and its pages have all that they load."""
    pages = {path: _get(url + path).decode() for path in ("/readyz", "/reference", "/console")}
    named = {name for page in pages.values() for name in re.findall(r'"(/static/[^"]+)"', page)}
    if not any(name.endswith(".js") for name in named):
        raise Refused("the pages load no script.")
    for name in sorted(named):
        _get(url + name)


def _get(url: str) -> bytes:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=30) as answer:
            return bytes(answer.read())
    except OSError as problem:
        raise Refused(f"{url} cannot be read: {problem}") from None


def _run(*command: str, cwd: Path, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=_WITHIN, check=False)
    if done.returncode != 0:
        raise Refused(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _output(*command: str, cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def _say(text: str) -> None:
    sys.stderr.write(f"── {text}\n")


if __name__ == "__main__":
    main()
