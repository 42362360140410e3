"""Which file system a path lives on: SQLite's write-ahead log needs shared memory of one machine."""

from __future__ import annotations

from pathlib import Path

_PLAIN = {
    "nfs",
    "nfs4",
    "cifs",
    "smb2",
    "smb3",
    "smbfs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "glusterfs",
    "9p",
}
_FUSE = {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.juicefs", "fuse.s3fs", "fuse.rclone"}
NETWORK = _PLAIN | _FUSE | {"afs", "pvfs2", "orangefs", "ncpfs"}


def is_network(filesystem: str) -> bool:
    """Whether a file system type is served by other machines."""
    return filesystem in NETWORK


def filesystem_of(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Type of the file system that `path` is on, e.g. ``"ext4"``; empty where the system does not tell."""
    if not mounts.is_file():
        return ""
    place = path.resolve()
    best, found = -1, ""
    for line in mounts.read_text(errors="replace").splitlines():
        _, folder, kind, *_ = line.split(" ")
        root = Path(folder.replace("\\040", " "))
        if place.is_relative_to(root) and len(root.parts) >= best:
            best, found = len(root.parts), kind
    return found
