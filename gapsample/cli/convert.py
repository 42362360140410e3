"""``gapsample convert``: models of QUIP into ours, and ours into QUIP's."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--without-baseline", is_flag=True, help="Write the kernel expansion alone if there is a baseline."
)
def convert(source: Path, target: Path, without_baseline: bool) -> None:
    """Convert the model SOURCE into TARGET; suffixes say how: .npz is ours, .xml is QUIP's.

    QUIP's sparse points lie in files beside its .xml. It keeps no posterior: a model read from an .xml
    knows its novelty and no other error, and a model written as one leaves its posterior behind.
    """
    from gapsample.errors import SettingsError
    from gapsample.potential.files import load
    from gapsample.potential.quip.write import write_quip

    suffix = target.suffix.lower()
    if suffix not in (".npz", ".xml"):
        raise SettingsError(f"a model file ends in .npz or .xml (QUIP), got {target.name}")
    model = load(source)
    if suffix == ".xml":
        written = write_quip(model, target, without_baseline=without_baseline)
    else:
        model.save(target)
        written = [target]
    points = sum(term.n_sparse for term in model.terms)
    click.echo(f"{', '.join(model.species)}: {len(model.terms)} terms, {points} sparse points")
    for path in written:
        click.echo(f"wrote {path}")
    if suffix == ".xml" and model.posterior is not None:
        click.echo(f"the posterior stays behind: keep {source} to predict errors")
