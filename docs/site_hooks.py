"""What the site adds to the pages of docs/: the API reference, and the files that pages link to outside of docs/.

The pages are written to be read in the repository, where a link may lead to `../src/...` or `../README.md`. On the site
such a file becomes a page of its own, so that the site is complete and works from disk.
"""

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = re.compile(r"\]\((?:\.\./)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
PAGES = {
    "README.md": "readme.md",
    "README.zh.md": "readme.zh.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
GROUPS = {
    "Tasks and data": "tasks datasets",
    "Augmentation": "augment samples.export_pictures meta_augment.auto.auto_plan ops",
    "Learners": "learners",
    "Encoders": "nets",
    "Training": "training runs",
    "scikit-learn's interface": "estimators",
    "Extending": "registration base",
}
"""Sections of the reference, with the packages whose public names they hold."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the reference, of the repository's own texts, and of every file that a page links to."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
    for name, text in texts.items():
        files.append(File.generated(config, PAGES[name], content=_from_root(text)))
    linked = {target for page in files.documentation_pages() for target in _linked(page) if target not in PAGES}
    for target in sorted(linked):
        files.append(File.generated(config, _page_of(target), content=_shown(ROOT / target)))
    for title, names in public_names().items():
        files.append(File.generated(config, _reference(title), content=_reference_page(title, names)))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the reference into the navigation."""
    nav: list[Any] = config.nav or []
    reference = [{title: _reference(title)} for title in public_names()]
    nav.insert(len(nav) - 1, {"Python reference": reference})
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:  # noqa: ANN401 - mkdocs passes page, config and files
    """Let links that leave docs/ lead to the pages that stand for their targets."""
    return OUTSIDE.sub(lambda match: f"]({_page_of(match['path'])}{match['anchor'] or ''})", markdown)


def public_names() -> dict[str, list[str]]:
    """The public names of `manyshot`, under the titles of `GROUPS`; read from its text, not by importing it."""
    tree = ast.parse((ROOT / "src" / "manyshot" / "__init__.py").read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    of_package = {
        name.name: str(node.module).partition(".")[2]
        for node in imported
        for name in node.names
        if str(node.module).startswith("manyshot.")
    }
    result = {title: [n for n in of_package if of_package[n] in held.split()] for title, held in GROUPS.items()}
    left = sorted(of_package.keys() - {name for names in result.values() for name in names})
    if left:
        raise ValueError(f"public names without a section of the reference: {left}; add their packages to GROUPS")
    result["Augmentation"].append("ops")
    return {title: sorted(names, key=str.lower) for title, names in result.items()}


def _linked(page: File) -> set[str]:
    return {match["path"] for match in OUTSIDE.finditer(page.content_string)}


def _page_of(path: str) -> str:
    """The page of the site that stands for a file of the repository."""
    return PAGES.get(path, f"files/{path}.md")


def _shown(path: Path) -> str:
    """A page that shows a file, or lists a folder."""
    name = path.relative_to(ROOT)
    if path.is_dir():
        rows = "\n".join(f"- `{child.name}`" for child in sorted(path.iterdir()) if not child.name.startswith("_"))
        return f"# `{name}`\n\n{rows}\n"
    language = {".py": "python", ".json": "json", ".toml": "toml"}.get(path.suffix, "text")
    fence = "`````"
    return f"# `{name}`\n\n{fence} {language}\n{path.read_text(encoding='utf-8')}\n{fence}\n"


def _from_root(text: str) -> str:
    """A text of the repository's root with links as they are from docs/."""
    inside = re.sub(r"\]\(docs/([^)]*)\)", r"](\1)", text)
    links = re.compile(r"\]\((?!https?:|#|images/)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")

    def lead(match: re.Match[str]) -> str:
        path, anchor = match["path"], match["anchor"] or ""
        if (ROOT / "docs" / path).exists():
            return match[0]
        return f"](../{path}{anchor})" if (ROOT / path).exists() else match[0]

    return links.sub(lead, inside)


def _reference(title: str) -> str:
    return f"reference/{re.sub(r'[^a-z]+', '_', title.lower())}.md"


def _reference_page(title: str, names: list[str]) -> str:
    parts = [f"# {title}", "All names are importable from `manyshot`: `import manyshot as ms`."]
    parts += [f"::: manyshot.{name}" for name in names]
    return "\n\n".join(parts) + "\n"
