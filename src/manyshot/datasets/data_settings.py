"""What the settings of every run on a data set have in common: which data they are."""

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from manyshot.datasets.registry import absolute_data
from manyshot.runtime.stored_settings import StoredSettings, absolute_path

Kind = TypeVar("Kind", bound="DataSettings")


@dataclass(frozen=True)
class DataSettings(StoredSettings):
    """Base of the settings of a run on a data set.

    Args:
        data: Name of a data set, or path of a folder or table.
        split: Part of the data set; its first one if None.
        root: Folder of the data set's official files; the usual places if None.
        size: Height and width of the images, in pixels; the data set's own if None.
        centered: Whether drawings are centered and scaled to one size.
    """

    data: str
    split: str | None = None
    root: str | None = None
    size: int | None = None
    centered: bool = False

    @property
    def loading(self) -> dict[str, Any]:
        """How to load these data: options of `load_dataset`, or settings of another run on them, by name.

        Example:
            >>> from manyshot.training import Config
            >>> Config("digits", size=16, ways=3).loading["size"]
            16
        """
        return {field.name: getattr(self, field.name) for field in fields(DataSettings) if field.name != "data"}

    def with_absolute_paths(self: Kind) -> Kind:
        """The same settings with absolute paths, so that a run can be used from any folder.

        Example:
            >>> from manyshot.training import Config
            >>> Config("digits").with_absolute_paths().data
            'digits'
        """
        root = None if self.root is None else absolute_path(self.root)
        return replace(self, root=root, data=absolute_data(self.data))
