"""What the README shows is understood by the package as it is."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest

from gapsample.cli import main
from gapsample.journeys.config import Config
from gapsample.journeys.nested_config import nested_config
from gapsample.potential.recipe import KINDS
from gapsample.settings import build

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands():
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("gapsample ")]


@pytest.mark.parametrize("block", blocks("toml"), ids=range(len(blocks("toml"))))
def test_every_config_builds(block):
    tables = tomllib.loads(block)
    if "system" in tables:
        assert nested_config(tables).lowest_kT > 0.0
    else:
        assert build(Config, tables, kinds=KINDS).recipe.terms


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_every_command_parses(arguments):
    command, context = main, click.Context(main)
    while isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.get_command(context, name)
        assert command is not None, name
    command.make_context(command.name, list(arguments))


@pytest.mark.parametrize("block", blocks("python"), ids=range(len(blocks("python"))))
def test_every_import_in_python_works(block):
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom):
            module = import_module(node.module)
            for alias in node.names:
                getattr(module, alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                import_module(alias.name)


def test_every_link_inside_the_page_has_its_heading():
    anchors = {
        re.sub(r"[^\w -]", "", h.strip().lower()).replace(" ", "-")
        for h in re.findall(r"^## (.*)$", README, flags=re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", README)) <= anchors
