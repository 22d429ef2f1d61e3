"""`safeconduct data`: make cohorts to try things on."""

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)
