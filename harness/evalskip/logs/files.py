"""One file to read: what it begins with, its lines, and its JSON document; all within bounds."""

from __future__ import annotations

import codecs
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalskip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

MOST_DOCUMENT = 256 * 2**20
"""Bytes of a JSON document, which is read as a whole."""
_HEAD = 64 * 2**10
_CHUNK = 2**20
_LONGEST_LINE = 2**20
"""Bytes; of a longer line only so many are looked at."""


class UnfitLog(InputError):
    """A file is a log that cannot be read: the reason."""


class NotALog(InputError):
    """A file is no log of a training."""


class LogFile:
    """A file that may be a log.

    Args:
        path: as it is named to people.
        file: open for reading bytes, at its beginning.
        size: in bytes; None: not known, as of standard input.
    """

    def __init__(self, path: str, file: BinaryIO, size: int | None) -> None:
        self.path = path
        self.size = size
        self._file = file
        self.head = file.read(_HEAD)

    @property
    def is_binary(self) -> bool:
        """Whether it is no text."""
        return b"\0" in self.head and not self.head.startswith(
            (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        )

    @cached_property
    def begins_document(self) -> bool:
        """Whether it begins as one JSON object that goes on over its lines, or is all of one."""
        if not self.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return False
        line, newline, rest = self.head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
        if not newline or not rest.strip():
            return b"'" not in line[:20] or b'"' in line[:20]
        return self.first_object is None and not line.lstrip(b"{ ").startswith(b"'")

    @cached_property
    def first_object(self) -> dict[str, Any] | None:
        """What its first line is, if that is a whole JSON object."""
        line = self.head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0]
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @cached_property
    def document(self) -> dict[str, Any]:
        """The JSON object that the file is.

        Raises:
            UnfitLog: it is larger than ``MOST_DOCUMENT``, or not JSON.
        """
        text = self.content
        try:
            found = json.loads(text)
        except RecursionError:
            raise UnfitLog(f"{self.path}: nested too deep; expected a log of a training") from None
        except ValueError as error:
            raise UnfitLog(
                f"{self.path}: not JSON, cut off perhaps ({error}); expected a whole document"
            ) from None
        return found if isinstance(found, dict) else {}

    @cached_property
    def object(self) -> dict[str, Any]:
        """The same, empty where the file is no JSON object: text that begins like one, say."""
        try:
            return self.document
        except UnfitLog:
            return {}

    @property
    def is_document(self) -> bool:
        """Whether it is one JSON object from its beginning to its end."""
        return self.begins_document and bool(self.object)

    @cached_property
    def content(self) -> bytes:
        """All of it, of a document.

        Raises:
            UnfitLog: it is larger than ``MOST_DOCUMENT``.
        """
        if self.size is not None and self.size > MOST_DOCUMENT:
            raise self._too_large()
        content = self.head + self._file.read(MOST_DOCUMENT + 1 - len(self.head))
        if len(content) > MOST_DOCUMENT:
            raise self._too_large()
        return content.decode("utf-8-sig", errors="replace").encode()

    def _too_large(self) -> UnfitLog:
        return UnfitLog(
            f"{self.path}: a JSON document above {MOST_DOCUMENT // 2**20} MiB; expected a log that "
            "is read line by line, or a smaller one"
        )

    def lines(self) -> Iterator[str]:
        """Its lines, one after another, split where a progress bar goes back as well.

        The last one may be cut off. Of a line above 1 MiB only the first 1 MiB is seen.
        """
        encoding = "utf-8"
        if self.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16"
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        rest = ""
        # a document may have been looked for in it already
        chunk = self.__dict__.get("content", self.head)
        while chunk:
            text = rest + decoder.decode(chunk)
            *whole, rest = text.replace("\r", "\n").split("\n")
            yield from whole
            rest = rest[:_LONGEST_LINE]
            chunk = self._file.read(_CHUNK)
        yield rest

    def mentions(self, *words: bytes) -> bool:
        """Whether any of the words stands in a document."""
        return any(word in self.content for word in words)
