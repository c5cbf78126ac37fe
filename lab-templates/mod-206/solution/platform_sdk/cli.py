"""The platform API from a terminal: python3 -m platform_sdk.cli models list.

What was asked for goes to stdout as JSON; errors go to stderr, with exit code 1.
"""

import json
import os
import sys
from typing import Annotated, Any

import typer
from platform_sdk.client import Client, PlatformError

app = typer.Typer(no_args_is_help=True, help="Self-service for tenants of the ML platform.")
Purpose = Annotated[str, typer.Option(help="What personal features are read for.")]
Version = Annotated[str, typer.Option(help="Version of the candidate.")]
Reason = Annotated[str, typer.Option(help="Why, in a sentence.")]
Limit = Annotated[int, typer.Option(help="Items of one page.")]


def group(name: str, text: str) -> typer.Typer:
    made = typer.Typer(help=text, no_args_is_help=True)
    app.add_typer(made, name=name)
    return made


tenants = group("tenants", "Tenants of the platform.")
models = group("models", "Registered models.")
features = group("features", "Feature services.")
promotions = group("promotions", "Promotions to production.")
usage = group("usage", "Who calls what.")


def client() -> Client:
    return Client(os.environ.get("PLATFORM_URL", ""), os.environ.get("PLATFORM_TOKEN", ""))


def show(found: Any) -> None:
    typer.echo(json.dumps(found, indent=1))


@tenants.command("list")
def list_tenants() -> None:
    """Show the tenants that you may see."""
    show(list(client().tenants()))


@models.command("list")
def list_models(limit: Limit = 50) -> None:
    """Show the models of your tenant."""
    show(list(client().models(limit)))


@models.command("show")
def show_model(name: str) -> None:
    """Show a model and its versions."""
    show(client().model(name))


@models.command("canary")
def canary(name: str, version: Version) -> None:
    """Compare a version with what answers in production."""
    show(client().canary(name, version))


@features.command("list")
def list_features() -> None:
    """Show feature services."""
    show(list(client().features()))


@features.command("show")
def show_features(name: str, purpose: Purpose = "") -> None:
    """Show the fields of a feature service."""
    show(client().feature(name, purpose))


@promotions.command("create")
def create(model: str, version: Version, reason: Reason) -> None:
    """Ask for a promotion."""
    show(client().promote(model, version, reason))


@promotions.command("list")
def list_promotions() -> None:
    """Show promotions of your tenant."""
    show(list(client().promotions()))


@promotions.command("show")
def show_promotion(name: str) -> None:
    """Show what became of a promotion."""
    show(client().promotion(name))


@usage.command("show")
def show_usage() -> None:
    """Show calls by minute, tenant and operation."""
    show(client().usage())


def main() -> None:
    try:
        app()
    except PlatformError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
