"""Links from the pages to other files of the checkout work in the site as well.

A page links to ``../../results/reference/gate.md`` as it stands in the checkout, so that the link
works wherever the Markdown is read. Each such file becomes part of the site, under ``checkout/``:
Markdown as a page, a YAML file or a script as a page that shows it, anything else as it is.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

CHECKOUT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"(?<=\]\()(?:\.\./)+[\w./-]+")
_SHOWN = {".yaml": "yaml", ".yml": "yaml", ".py": "python"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what the pages link to."""
    for page in list(files.documentation_pages()):
        markdown = Path(page.abs_src_path or "").read_text(encoding="utf-8")
        for _, path in _outside(markdown, page.src_uri, config):
            if _uri(path) not in files.src_uris:
                files.append(_file(path, config))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to where the files are in the site."""
    uri = page.file.src_uri
    if uri.startswith("checkout/"):
        page.meta |= {
            "title": uri.partition("/")[2].removesuffix(".md"),
            "search": {"exclude": True},
        }
        # what a report folds away is Markdown as well
        return markdown.replace("<details>", "<details markdown>")
    for link, path in _outside(markdown, uri, config):
        to = posixpath.relpath(_uri(path), posixpath.dirname(uri))
        markdown = re.sub(rf"(?<=\]\(){re.escape(link)}(?=[)#])", to, markdown)
    return markdown


def _outside(markdown: str, uri: str, config: MkDocsConfig) -> Iterator[tuple[str, Path]]:
    """Links of a page to files of the checkout that are no pages, each once."""
    pages = Path(config.docs_dir)
    for link in dict.fromkeys(_LINK.findall(markdown)):
        path = (pages / uri).parent.joinpath(link).resolve()
        if path.is_file() and path.is_relative_to(CHECKOUT) and not path.is_relative_to(pages):
            yield link, path


def _uri(path: Path) -> str:
    place = f"checkout/{path.relative_to(CHECKOUT).as_posix()}"
    return f"{place}.md" if path.suffix in _SHOWN else place


def _file(path: Path, config: MkDocsConfig) -> File:
    if language := _SHOWN.get(path.suffix):
        shown = path.read_text(encoding="utf-8")
        content = f"````{language}\n{shown}````\n"
        return File.generated(config, _uri(path), content=content)
    return File.generated(config, _uri(path), abs_src_path=str(path))
