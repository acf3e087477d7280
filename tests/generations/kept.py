"""What lies in storage, wherever that is."""

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage


class Kept:
    def read(self, name: str) -> bytes:
        with default_storage.open(name) as file:
            return bytes(file.read())

    def write(self, name: str, content: bytes) -> None:
        assert default_storage.save(name, ContentFile(content)) == name

    def delete(self, name: str) -> None:
        default_storage.delete(name)

    def names(self) -> list[str]:
        """Of every object, in order."""
        found, folders = [], [""]
        while folders:
            folder = folders.pop()
            below, files = default_storage.listdir(folder)
            found += [f"{folder}{name}" for name in files if name]
            folders += [f"{folder}{name}/" for name in below]
        return sorted(found)
