"""One database of labeled configurations: ase.db underneath, extxyz in and out."""

from gapsample.database.extxyz import Imported, read_extxyz
from gapsample.database.fingerprint import fingerprint
from gapsample.database.import_report import ImportReport
from gapsample.database.label import Label
from gapsample.database.overview import Group
from gapsample.database.split import TEST_FRACTION, split_of
from gapsample.database.store import Database, Entry
from gapsample.database.xyz_write import write_extxyz

__all__ = [
    "TEST_FRACTION",
    "Database",
    "Entry",
    "Group",
    "ImportReport",
    "Imported",
    "Label",
    "fingerprint",
    "read_extxyz",
    "split_of",
    "write_extxyz",
]
