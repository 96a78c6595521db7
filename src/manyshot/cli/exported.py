"""How commands tell what they have written for a folder of pictures."""

from typing import TYPE_CHECKING, Any

from manyshot.cli.options import print_json

if TYPE_CHECKING:
    from manyshot.samples.export_learned import ExportedLearned
    from manyshot.samples.export_pictures import Exported


def exported_json(made: "Exported | ExportedLearned") -> dict[str, Any]:
    """What was written where, for JSON."""
    return {
        "folder": str(made.folder),
        "samples": sum(made.made.values()),
        "classes": dict(made.made),
        "manifest": str(made.manifest),
        "sheets": [str(path) for path in made.sheets],
    }


def tell_exported(made: "Exported | ExportedLearned", as_json: bool) -> None:
    """Print how many new pictures there are, and where to look at them."""
    if as_json:
        print_json(exported_json(made))
        return
    several = f" of {len(made.made)} classes" if len(made.made) > 1 else ""
    print(f"{sum(made.made.values()):,} new pictures{several} in {made.folder}")
    print(f"Look at {made.sheets[0]}" + (f" and {len(made.sheets) - 1} more" if len(made.sheets) > 1 else ""))
