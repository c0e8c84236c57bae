import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks.physics.flavor.correlated import correlated
from wilks.physics.flavor.joint_tables import QUANTITIES
from wilks.physics.flavor.nufit_terms import nufit, shipped_release

ORDERINGS = ("NO", "IO")
BELOW = 9.0
# Largest departure from the release's own pair tables where they are below 9, arXiv:2007.14792 tables of NuFIT 5.3
LIMITS = {
    ("s13^2", "s23^2"): {"NO": 0.4, "IO": 0.4},
    ("s13^2", "m3l^2"): {"NO": 0.45, "IO": 0.45},
    ("s13^2", "delta"): {"NO": 1.05, "IO": 0.65},
}


def joint(ordering):
    return correlated(nufit("5.3", ordering, "full").correlated)


def tables(ordering):
    return shipped_release("5.3", ordering).tables


def one_dimensional(ordering, name, axis):
    """The release's table at points of a cut axis, above its own minimum."""
    table = tables(ordering)[(name,)]
    values = table.chi2[np.isin(table.axes[0], axis)]
    return values - values.min()


def formula(ordering):
    """The part without (s12,m21) on the tables' own points: T(s23,m3l,delta); the rest, of (s13,s23,m3l); the axes."""
    t = tables(ordering)
    triple, with_s23, with_m3l = t["s23^2", "m3l^2", "delta"], t["s13^2", "s23^2"], t["s13^2", "m3l^2"]
    s13 = np.intersect1d(with_s23.axes[0], with_m3l.axes[0])
    s23, m3l = (np.intersect1d(triple.axes[i], other.axes[1]) for i, other in ((0, with_s23), (1, with_m3l)))
    box = triple.chi2[np.ix_(np.isin(triple.axes[0], s23), np.isin(triple.axes[1], m3l), np.ones(73, dtype=bool))]
    first = with_s23.chi2[np.ix_(np.isin(with_s23.axes[0], s13), np.isin(with_s23.axes[1], s23))]
    second = with_m3l.chi2[np.ix_(np.isin(with_m3l.axes[0], s13), np.isin(with_m3l.axes[1], m3l))]
    first = first - first.min() - one_dimensional(ordering, "s23^2", s23)[None]
    second = second - second.min() - one_dimensional(ordering, "m3l^2", m3l)[None]
    rest = first[:, :, None] + second[:, None, :] - one_dimensional(ordering, "s13^2", s13)[:, None, None]
    return box - box.min(), rest, (s13, s23, m3l, triple.axes[2])


@pytest.mark.parametrize(("pair", "ordering"), list(itertools.product(LIMITS, ORDERINGS)))
def test_the_formula_gives_the_pair_tables_within_the_stated_limits(pair, ordering):
    box, rest, axes = formula(ordering)
    over_delta = box.min(axis=2)
    if pair[1] == "delta":
        profiled = np.stack([(box + layer[..., None]).min(axis=(0, 1)) for layer in rest])
    else:
        profiled = (over_delta[None] + rest).min(axis=2 if pair[1] == "s23^2" else 1)
    profiled = profiled - profiled.min()
    table = tables(ordering)[pair]
    other = axes[{"s23^2": 1, "m3l^2": 2, "delta": 3}[pair[1]]]
    whole = table.chi2[np.ix_(np.isin(table.axes[0], axes[0]), np.isin(table.axes[1], other))]
    whole = whole - whole.min()
    # tables are rounded by 0.002 each and have no points between their rows: 0.02
    assert np.abs(profiled - whole)[whole <= BELOW].max() < LIMITS[pair][ordering] + 0.02


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_compiled_values_are_the_formula_on_the_tables_points(ordering):
    member = joint(ordering)
    box, rest, axes = formula(ordering)
    evaluate = jax.jit(jax.vmap(lambda u: member.evaluate(u).value))
    generator = np.random.default_rng(6)
    m, i, j, k = (generator.integers(0, len(axis), 20000) for axis in axes)
    total = box[i, j, k] + rest[m, i, j]
    near = total < 12.0
    m, i, j, k, total = m[near], i[near], j[near], k[near], total[near]
    u = np.tile(np.asarray(member.best), (len(total), 1))
    u[:, 2], u[:, 3], u[:, 4], u[:, 5] = axes[0][m], axes[1][i], 1e-3 * axes[2][j], axes[3][k] / 180
    assert len(total) > 30
    # the release's scatter along m3l, up to 0.06 per table, is evened out in two tables
    difference = np.asarray(evaluate(u)) - (total - float(member.minimum))
    assert np.abs(difference).max() < 0.2
    assert np.sqrt((difference**2).mean()) < 0.06


def test_solar_pairs_are_exact():
    table = tables("NO")["s12^2", "log10 m21^2"]
    member = joint("NO")
    u = np.tile(np.asarray(member.best), (len(table.axes[1]), 1))
    row = int(np.argmin(np.abs(table.axes[0] - 0.31)))
    u[:, 0], u[:, 1] = table.axes[0][row], table.axes[1]
    found = np.asarray(jax.jit(jax.vmap(lambda at: member.evaluate(at).value))(u))
    whole = table.chi2[row] - table.chi2.min()
    # rounding of 0.002, and the minimum between the points of the table, which the curve of s12^2 has 0.04 lower
    assert np.abs(found - whole - (found - whole).mean())[whole < 30].max() < 0.01
    assert abs((found - whole).mean()) < 0.06


@pytest.mark.parametrize("ordering", ORDERINGS)
def test_minimum_growth_and_derivatives(ordering):
    member = joint(ordering)
    evaluate = jax.jit(lambda u: member.evaluate(u))
    best, sigma = np.asarray(member.best), np.asarray(member.sigma)
    assert float(evaluate(jnp.asarray(best)).value) < 1e-9
    generator = np.random.default_rng(8)
    for u in best + sigma * generator.normal(size=(6, 6)) * [1, 1, 1, 1, 1, 2]:
        here = evaluate(jnp.asarray(u))
        assert float(here.value) >= 0
        for i, width in enumerate(sigma):
            step = 1e-4 * width * np.eye(6)[i]
            ahead, behind = evaluate(jnp.asarray(u + step)), evaluate(jnp.asarray(u - step))
            # central differences in units of sigma: third derivatives of up to 1e2 times 1e-8
            slope = float(ahead.value - behind.value) / 2e-4
            assert slope == pytest.approx(float(here.gradient[i]) * width, rel=1e-5, abs=1e-5)
    far = evaluate(jnp.asarray(best + 60 * sigma * [1, 1, 1, 1, -1, 0]))
    farther = evaluate(jnp.asarray(best + 70 * sigma * [1, 1, 1, 1, -1, 0]))
    assert float(farther.value) > float(far.value) > 1e3
    turned = evaluate(jnp.asarray(best) + 2.0 * np.eye(6)[5])
    assert float(turned.value) == pytest.approx(0.0, abs=1e-9)
    weight = np.asarray(member.weight(far.hessian))
    assert np.linalg.eigvalsh(weight / np.sqrt(np.outer(np.diag(weight), np.diag(weight)))).min() > -1e-9


def test_drawn_points_have_a_score_of_mean_zero_and_the_widths_of_the_tables():
    member, n = joint("NO"), 8000
    uniform = jax.random.uniform(jax.random.key(5), (n, 8))
    points = jax.jit(jax.vmap(member.draw))(uniform)
    here = jax.jit(jax.vmap(lambda u: member.evaluate(u)))(points)
    gradient = np.asarray(here.gradient)
    assert (np.abs(gradient.mean(0)) < 4 * gradient.std(0) / np.sqrt(n)).all()  # 4 standard errors
    # E[gradient^2]/4 = E[curvature]/2 for a density exp(-chi2/2); steps of half a sigma in s12^2 cost 3 %
    ratio = (gradient**2).mean(0) / 4 / (np.asarray(here.hessian)[:, range(6), range(6)].mean(0) / 2)
    np.testing.assert_allclose(ratio, 1.0, atol=0.1)


def test_both_orderings_have_one_shape_so_that_they_share_a_compiled_program():
    shapes = [[np.shape(leaf) for leaf in jax.tree.leaves(joint(ordering))] for ordering in ORDERINGS]
    assert shapes[0] == shapes[1]
    assert len(QUANTITIES) == len(joint("NO").best)
