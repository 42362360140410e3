"""``gapsample evaluate``: a model on every frame of a file."""

from __future__ import annotations

from pathlib import Path

import click

N_SHOWN = 20


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write extended XYZ with all that was computed."
)
@click.option("--error", is_flag=True, help="Predicted errors too.")
def evaluate(model: Path, file: Path, output: Path | None, error: bool) -> None:
    """Evaluate MODEL on every frame of FILE (anything ASE reads)."""
    from gapsample.journeys.evaluate import evaluate_file
    from gapsample.potential.files import load
    from gapsample.progress import showing_progress

    potential = load(model)
    with showing_progress() as progress:
        summary = evaluate_file(potential, file, output, error=error, progress=progress)
    click.echo(
        " frame  atoms     energy (eV)  max |F| (eV/Å)" + ("  ± energy (eV)  ± F (eV/Å)" if error else "")
    )
    for i, frame in enumerate(summary.frames[:N_SHOWN]):
        line = f"{i:6d} {frame.n_atoms:6d} {frame.energy:15.6f} {frame.largest_force:15.4f}"
        if error:
            line += f" {_number(frame.energy_std, '14.6f')} {_number(frame.largest_force_std, '11.4f')}"
        click.echo(line)
    if len(summary.frames) > N_SHOWN:
        click.echo(f"   ... {len(summary.frames) - N_SHOWN} more")
    n_atoms = sum(frame.n_atoms for frame in summary.frames)
    click.echo(
        f"{len(summary.frames)} frames, {n_atoms} atoms, {summary.seconds:.2f} s in the model "
        f"({1e6 * summary.seconds / max(n_atoms, 1):.0f} µs per atom, compilation included)"
    )
    if output is not None:
        click.echo(f"wrote {output}")


def _number(value: float | None, form: str) -> str:
    return format(value, form) if value is not None else "-".rjust(int(form.split(".")[0]))
