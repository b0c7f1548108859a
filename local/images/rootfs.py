"""A root file system of Debian 12 with Python 3.11, as a tar file whose bytes depend on the packages alone.

The packages are unpacked, not installed: no maintainer script runs, so there is no shell to need and no trace of the
machine to leave. What the scripts would have done for Python (bytecode, users) is done here.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from local.images.errors import PrepareError

PACKAGES = ("python3", "libstdc++6", "base-files", "netbase")
# Pulled in by what no container needs: package management, shells' helpers.
DROPPED_PACKAGES = frozenset({"dpkg", "tar", "mawk", "libacl1", "libselinux1", "libpcre2-8-0", "libmd0", "libzstd1"})
DROPPED_PATHS = (
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/gdb",
    "usr/share/gcc",
    "usr/share/bug",
    "usr/share/doc-base",
    "usr/share/pixmaps",
    "usr/share/python3",
    "usr/lib/valgrind",
    "usr/lib/x86_64-linux-gnu/gconv",  # character sets besides UTF-8, for iconv
    "usr/lib/python3.11/test",
    "usr/lib/python3.11/pydoc_data",
    "usr/lib/python3.11/venv",
    "etc/apt",
    "etc/cron.daily",
    "etc/dpkg",
    "etc/logrotate.d",
    "etc/hostname",
    "etc/resolv.conf",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg",
    "var/log",
    "lib32",
    "libx32",
)
EMPTIED = ("dev", "tmp", "run", "boot", "home")
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
    "nonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
# One date for all files: the tar must not tell when it was made. 2026-01-01.
EPOCH = 1767225600
_SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))


def build(tar: Path, *, log: Path) -> None:
    """Write the root file system to ``tar``; what mmdebstrap says goes to ``log``.

    Raises:
        PrepareError: mmdebstrap is not installed, may not run, or failed.
    """
    if shutil.which("mmdebstrap") is None:
        raise PrepareError("mmdebstrap is not on PATH; run `make tools`, or `apt-get install mmdebstrap`")
    if os.geteuid() != 0:
        raise PrepareError("the base image's file system must be unpacked by root; run the same command with sudo")
    root = tar.with_suffix(".root")
    shutil.rmtree(root, ignore_errors=True)
    try:
        _unpack(root, log=log)
        tidy(root)
        _compile(root)
        _pack(root, tar)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _unpack(root: Path, *, log: Path) -> None:
    source = next((path for path in _SOURCES if path.exists()), None)
    if source is None:
        raise PrepareError(f"no Debian package source: neither {_SOURCES[0]} nor {_SOURCES[1]} exists")
    command = [
        "mmdebstrap",
        "--format=directory",
        "--variant=extract",
        f"--include={','.join(PACKAGES)}",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        "--skip=cleanup/apt,cleanup/reproducible",  # keeps the .deb files, which tell the packages' names and files
        "--components=main",
        "bookworm",
        str(root),
        str(source),
    ]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(EPOCH)}
    with log.open("w") as output:
        result = subprocess.run(command, stdout=output, stderr=output, env=environment, check=False)
    if result.returncode != 0:
        last = (log.read_text().strip().splitlines() or ["no output"])[-1]
        raise PrepareError(f"mmdebstrap failed (exit {result.returncode}): {last}; the whole log is in {log}")


def tidy(root: Path) -> None:
    """Drop what a container does not need and note the packages that stay, where scanners look for them."""
    archives = sorted((root / "var/cache/apt/archives").glob("*.deb"))
    control = {_field(deb, "Package"): _dpkg_deb("--field", deb) for deb in archives}
    for deb in archives:
        if _field(deb, "Package") in DROPPED_PACKAGES:
            _remove_files(root, deb)
    for name in DROPPED_PATHS:
        _remove(root / name)
    for path in (root / "usr/share/doc").glob("**/*"):
        if not path.is_dir() and path.name != "copyright":
            path.unlink()
    for name in EMPTIED:
        shutil.rmtree(root / name)
        (root / name).mkdir()
    (root / "tmp").chmod(0o1777)
    for name, content in FILES.items():
        (root / name).write_text(content)
    status = root / "var/lib/dpkg/status.d"
    status.mkdir(parents=True)
    for package, text in control.items():
        if package not in DROPPED_PACKAGES:
            (status / package).write_bytes(text)


def _field(deb: Path, name: str) -> str:
    return _dpkg_deb("--field", deb, name).decode().strip()


def _dpkg_deb(what: str, deb: Path, *more: str) -> bytes:
    try:
        return subprocess.run(["dpkg-deb", what, deb, *more], capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise PrepareError("dpkg-deb is not on PATH; run `apt-get install dpkg`") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise PrepareError(f"dpkg-deb {what} {deb.name} failed (exit {error.returncode}): {said}") from None


def _remove_files(root: Path, deb: Path) -> None:
    files = io.BytesIO(_dpkg_deb("--fsys-tarfile", deb))
    with tarfile.open(fileobj=files) as archive:
        for member in archive:
            if not member.isdir():  # a folder may be another package's too, and an empty one does no harm
                (root / member.name).unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _compile(root: Path) -> None:
    """Compile the standard library: the root file system of a pod is read-only, so Python could not keep bytecode."""
    command = ["chroot", str(root), "/usr/bin/python3", "-m", "compileall", "-q", "-x", "lib2to3/tests"]
    command += ["--invalidation-mode", "unchecked-hash", "/usr/lib/python3.11", "/usr/lib/python3"]
    result = subprocess.run(
        command, env={"PATH": "/usr/sbin:/usr/bin", "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise PrepareError(f"Python's standard library could not be compiled: {result.stderr.strip()[-400:]}")


def _pack(root: Path, tar: Path) -> None:
    def normal(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = EPOCH
        member.uname = member.gname = ""
        return member

    with tarfile.open(tar, "w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            archive.add(path, arcname=str(path.relative_to(root)), recursive=False, filter=normal)
