import gzip
import lzma

import numpy as np
import pytest

from wilks._base.errors import InvalidFile, InvalidOption
from wilks.physics.flavor.nufit_files import parse_release, read_release
from wilks.physics.flavor.nufit_terms import read_nufit

AXES = {
    "sin^2(theta13)": np.linspace(0.018, 0.026, 9),
    "sin^2(theta12)": np.linspace(0.25, 0.37, 9),
    "sin^2(theta23)": np.linspace(0.38, 0.62, 9),
    "Delta_CP/deg": np.linspace(-180, 180, 9),
    "Log10(Delta_m21^2/[eV^2])": np.linspace(-4.2, -4.06, 9),
    "Delta_m31^2/[1e-3_eV^2]": np.linspace(2.3, 2.7, 9),
}
CENTRES = dict(zip(AXES, (0.022, 0.31, 0.5, 20.0, -4.13, 2.5), strict=True))


def block(*names, header_prefix=" "):
    grids = np.meshgrid(*(AXES[name] for name in names), indexing="ij")
    widths = [(AXES[name][-1] - AXES[name][0]) / 8 for name in names]
    chi2 = sum(
        2 * (1 - np.cos(np.radians(grid - CENTRES[name])))
        if name == "Delta_CP/deg"
        else ((grid - CENTRES[name]) / width) ** 2
        for name, grid, width in zip(names, grids, widths, strict=True)
    )
    lines = [header_prefix + " ".join([*names, "Delta_chi^2"])]
    for row in zip(*(g.ravel() for g in grids), chi2.ravel(), strict=True):
        signs = [f"{x:+.3f}" if "m31" in n else f"{x:.4f}" for n, x in zip(names, row[:-1], strict=True)]
        lines.append(" " + " ".join([*signs, f"{row[-1]:.6e}"]))
    return "\n".join(lines) + "\n"


def release(*extra, first="### Normal Ordering"):
    blocks = [block(name) for name in reversed(list(AXES))]
    prefixed = block("sin^2(theta13)", "sin^2(theta23)", header_prefix="# T13/T23 projection: ")
    return first + "\n\n" + "\n".join([prefixed, *blocks, *extra]) + "\n"


def test_blocks_are_recognised_by_their_names_in_any_order():
    tables = parse_release(release(), "file", "").tables
    assert set(tables) == {
        ("s13^2", "s23^2"), ("m3l^2",), ("log10 m21^2",), ("delta",), ("s23^2",), ("s12^2",), ("s13^2",)
    }  # fmt: skip
    assert tables["s13^2", "s23^2"].chi2.shape == (9, 9)
    np.testing.assert_allclose(tables["s13^2", "s23^2"].chi2[4, :], tables["s23^2",].chi2, atol=1e-5)  # as printed


@pytest.mark.parametrize("suffix", ["txt", "gz", "xz"])
def test_release_files_become_terms_whatever_their_compression(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_: str(tmp_path / "cache"))
    path = tmp_path / f"v99.release-{suffix}"  # the name does not matter
    pack = {"txt": lambda b: b, "gz": gzip.compress, "xz": lzma.compress}[suffix]
    path.write_bytes(pack(release().encode()))
    for _ in range(2):  # the second time from the cache
        terms = read_nufit(path)
        assert terms.ordering == "NO"
        assert terms["s12^2"].best == pytest.approx(0.31, abs=1e-4)
        assert terms["d/pi"].best * 180 == pytest.approx(20.0, abs=1.0)
        assert terms["m21^2"].best == pytest.approx(10**-4.13, rel=1e-3)
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 1
    with pytest.raises(InvalidOption, match="correlations='full'"):
        read_nufit(path, correlations="full")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.replace("### Normal", "### No"), "line 1: .*expected '### Normal Ordering'"),
        (lambda t: t.replace(" sin^2(theta12) Delta", " sin^2(theta14) Delta"), "unknown column 'sin"),
        (lambda t: t.replace("Normal", "Inverted"), "in a file of IO"),
        (lambda t: t.replace("Delta_m31", "Delta_m32").replace("Normal", "Inverted"), "contradicts the first line, IO"),
        (lambda t: t[: t.rindex("\n ")] + "\n", "no blank line after .*truncated"),
        (lambda t: t.rstrip("\n")[:-3], "expected 2 numbers"),
        (lambda t: t.replace(" 0.3100 ", " 0.3a00 ", 1), r"line \d+ holds ' 0\.3a00"),
        (lambda t: t + "\n" + block("sin^2(theta12)"), "a second block"),
        (lambda t: "### Normal Ordering\n", "no block of numbers"),
        (lambda t: t.replace(" Delta_chi^2", " chi"), "header of column names that ends with"),
    ],
)
def test_bad_files_are_refused_with_line_and_block(tmp_path, spoil, message):
    path = tmp_path / "release.txt"
    path.write_text(spoil(release()))
    with pytest.raises(InvalidFile, match=message):
        read_release(path, cache=False)


def test_rows_out_of_order_are_refused():
    text = release()
    lines = text.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith(" sin^2(theta12) Delta"))
    lines[start + 1], lines[start + 2] = lines[start + 2], lines[start + 1]
    with pytest.raises(InvalidFile, match=f"line {start + 2} breaks the order of the grid"):
        parse_release("".join(lines), "file", "")


def test_other_files_are_refused(tmp_path, monkeypatch):
    binary = tmp_path / "file.xz"
    binary.write_bytes(lzma.compress(release().encode())[:-20])
    with pytest.raises(InvalidFile, match=r"no whole \.gz or \.xz"):
        read_release(binary, cache=False)
    with pytest.raises(InvalidFile, match="no such file"):
        read_release(tmp_path / "missing.txt")
    monkeypatch.setattr("wilks.physics.flavor.nufit_files.MOST_BYTES", 1000)
    big = tmp_path / "big.txt"
    big.write_text(release())
    with pytest.raises(InvalidFile, match="more than 1000 bytes"):
        read_release(big, cache=False)
