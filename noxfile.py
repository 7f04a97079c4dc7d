"""The sessions that CI runs. ``nox`` runs all of them, and ``nox -l`` lists them.

Each session uses the Python that runs nox. GitHub's workflow brings the other versions.
"""

from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
# uv installs ten times faster than pip.
nox.options.default_venv_backend = "uv|virtualenv"

WORKFLOW = ".github/workflows/tests.yml"


@nox.session
def tests(session: nox.Session) -> None:
    """Run the default tier of the tests, as ``pytest`` does."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)


@nox.session
def everything(session: nox.Session) -> None:
    """Run the deep tier too, with 150 examples and full branch coverage."""
    session.install("-e", ".[bench,dask,dev,vectors]")
    session.run(
        "pytest",
        "--cov",
        "--cov-report=term-missing:skip-covered",
        "--hypothesis-profile=ci",
        "-m=not interop and not quality",
        *session.posargs,
    )


@nox.session
def processes(session: nox.Session) -> None:
    """Run the command's tests with real processes instead of forked ones."""
    session.install("-e", ".[dev]")
    session.run("pytest", "tests/cli", *session.posargs, env={"TRUSTKEYS_REAL_PROCESSES": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, the shell scripts and GitHub's workflow."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("check-jsonschema", "--builtin-schema=vendor.github-workflows", WORKFLOW)
    session.run("shellcheck", ".ci/run", "trustkeys/graph/provision.sh", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, and those that only Windows sees."""
    session.install("-e", ".[lint]")
    session.run("mypy")
    session.run("mypy", "--platform=win32", "trustkeys")


@nox.session
def contracts(session: nox.Session) -> None:
    """Check which module may import which."""
    session.install("-e", ".[lint]")
    session.run("lint-imports", "--no-cache")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into ``build/docs``. A warning is an error."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "-b", "html", "docs", "build/docs")


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the default tier with the lowest versions that ``pyproject.toml`` allows."""
    versions = str(Path(session.create_tmp(), "lowest.txt"))
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "--quiet", "--resolution=lowest-direct", "--extra=dev"),
        *("pyproject.toml", "--output-file", versions),
        silent=True,
    )
    session.install("-e", ".[dev]", "--constraint", versions)
    session.run("pytest", *session.posargs)


@nox.session
def interop(session: nox.Session) -> None:
    """Let programs of others judge what trustkeys makes. Needs Go, Java, Maven, Node and gpgsm."""
    session.install("-e", ".[interop]")
    session.run(
        "pytest",
        "-m=interop",
        "--ignore=tests/interop/test_az.py",
        *session.posargs,
        env={"TRUSTKEYS_INTEROP": "1"},
    )


@nox.session
def az(session: nox.Session) -> None:
    """Run provision.sh with the real Azure CLI, which takes 400 MB."""
    session.install("-e", ".[dev]", "azure-cli>=2.91")
    session.run(
        "pytest",
        "-m=interop",
        "tests/interop/test_az.py",
        *session.posargs,
        env={"TRUSTKEYS_INTEROP": "1"},
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Run each benchmark once, briefly."""
    session.install("-e", ".[bench]")
    session.run("python", "-m", "benchmarks", "--quick")
