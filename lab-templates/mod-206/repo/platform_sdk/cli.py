"""The platform API from a terminal: python3 -m platform_sdk.cli tenants list."""

import json
import os

import typer
from platform_sdk.client import Client

app = typer.Typer(no_args_is_help=True)
tenants = typer.Typer(help="Tenants of the platform.", no_args_is_help=True)
app.add_typer(tenants, name="tenants")


@tenants.command("list")
def list_tenants() -> None:
    """Show the tenants that you may see."""
    client = Client(os.environ["PLATFORM_URL"], os.environ.get("PLATFORM_TOKEN", ""))
    typer.echo(json.dumps(list(client.tenants()), indent=1))


if __name__ == "__main__":
    app()
