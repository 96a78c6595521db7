"""`manyshot augment --shards`: folders of millions of pictures, streamed into shards."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from manyshot.base import InputError
from manyshot.cli.output import print_json, say
from manyshot.cli.shared_options import refuse

if TYPE_CHECKING:
    from manyshot.cli.augment import AugmentArguments

NAMED = 3  # damaged pictures whose names are printed


@dataclass(frozen=True)
class ShardArguments:
    """How the pictures of a large folder are written.

    Args:
        shards: Format of the shards; None for the usual export.
        shard_size: Number of pictures of a shard.
        encode: How pictures are encoded.
        jobs: Number of processes.
        on: Where they run.
    """

    shards: Annotated[
        str | None,
        typer.Option(
            "--shards",
            help="For folders of any size, in flat memory: --per-item new pictures (1) of each picture, as webdataset "
            "(tars), parquet or folders; the same command continues where it was stopped.",
        ),
    ] = None
    shard_size: Annotated[
        int | None, typer.Option("--shard-size", help="With --shards: pictures of a shard; 10,000 if not given.")
    ] = None
    encode: Annotated[
        str | None, typer.Option("--encode", help="With --shards: png (if not given), or jpeg of quality 95.")
    ] = None
    jobs: Annotated[int | None, typer.Option("--jobs", help="With --shards: processes; 1 if not given.")] = None
    on: Annotated[
        str | None,
        typer.Option("--on", help="With --shards: ray, or the HOST:PORT of a Ray cluster that sees both folders."),
    ] = None

    def refuse(self) -> None:
        """Refuse options that have no effect without --shards.

        Raises:
            InputError: If one is given.
        """
        refuse("without --shards", shard_size=self.shard_size, encode=self.encode, jobs=self.jobs, on=self.on)


def write_shards(options: "AugmentArguments", how: ShardArguments, as_json: bool) -> None:
    """Write new pictures as shards and print how many.

    Args:
        options: What to make them of.
        how: How to write them.
        as_json: Print JSON.

    Raises:
        InputError: For options that have no effect with --shards, or that cannot be used.
    """
    from manyshot.samples.augment_shards import augment_shards

    assert how.shards is not None  # the caller has checked
    refuse("with --shards", run=options.run, per_class=options.per_class, split=options.split)
    refuse("with --shards, which goes on instead", overwrite=options.overwrite or None)
    if options.plan == "auto":
        raise InputError("--plan auto looks at all pictures; give a plan with --shards, such as auto's for a part")
    given = {"shard_size": how.shard_size, "encode": how.encode, "jobs": how.jobs, "on": how.on}
    written = augment_shards(
        options.data,
        options.read_plan(),
        options.out,
        how.shards,
        per_item=1 if options.per_item is None else options.per_item,
        seed=options.seed,
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )
    if as_json:
        print_json(
            {
                **{"folder": str(written.folder), "shards": written.shards, "made": written.made},
                **{"samples": written.samples, "classes": written.classes, "skipped": list(written.skipped)},
            }
        )
        return
    earlier = written.shards - written.made
    shards = "1 shard" if written.shards == 1 else f"{written.shards:,} shards"
    there = f"; {earlier:,} of them were there" if earlier else ""
    say(f"{written.samples:,} new pictures of {written.classes:,} classes, {shards} in {written.folder}{there}")
    for one in written.skipped[:NAMED]:
        say(f"Left out: {one['reason']}")
    if len(written.skipped) > NAMED:
        say(f"Left out: {len(written.skipped):,} damaged pictures in all (--json names them)")
