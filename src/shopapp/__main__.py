"""The command ``shopapp``, as its script and as ``python -m shopapp``; one sentence where the shop is not installed."""


def main() -> None:
    """Run the command."""
    try:
        from shopapp.cli import cli  # noqa: PLC0415 - what it needs comes with an extra
    except ModuleNotFoundError as error:
        if str(error.name).startswith("shopapp"):
            raise
        raise SystemExit(
            f"shopapp: {error.name} is not installed. This command belongs to the shop: pip install 'shopapp[shop]'"
        ) from None
    cli(prog_name="shopapp")


if __name__ == "__main__":
    main()
