import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from jax.test_util import check_grads

from tests.physics.flavor import oracle
from wilks.physics.flavor.diagonalisation import diagonalise

compiled = jax.jit(diagonalise)


def unitary(rng, n):
    return np.linalg.qr(rng.normal(size=(n, 3, 3)) + 1j * rng.normal(size=(n, 3, 3)))[0]


def matrices(masses, n=25, seed=1):
    rng = np.random.default_rng(seed)
    return unitary(rng, n) @ np.diag(masses) @ unitary(rng, n)


# Tolerances are what is asked for (1e-8, and 1e-5 at a hierarchy of 1e-12); what is reached is 1e-15 and 1e-11.
SPECTRA = {
    "generic": ([0.3, 1.0, 2.0], 1e-8),
    "quasi-degenerate": ([1.0 - 1e-6, 1.0, 1.7], 1e-8),
    "hierarchical": ([1e-12, 1e-6, 1.0], 1e-5),
    "one light": ([1e-12, 0.1, 1.0], 1e-5),
    "two light": ([1e-12, 3e-12, 1.0], 1e-5),
    "light and quasi-degenerate": ([1e-12, 1.0 - 1e-6, 1.0], 1e-5),
    "far from one": ([3e20, 1e21, 2e22], 1e-8),
    "tiny": ([3e-40, 1e-38, 2e-38], 1e-8),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_masses_agree_with_sixty_digits(name):
    masses, tolerance = SPECTRA[name]
    stack = matrices(masses)
    found = compiled(stack)
    assert bool(jnp.all(found.converged))
    for matrix, squares in zip(stack, np.asarray(found.squares), strict=True):
        exact, _ = oracle.decomposed(matrix)
        ratios = [exact[0] / exact[1], exact[1] / exact[2], exact[2]]
        here = [mp.sqrt(mp.mpf(s)) for s in squares]
        assert (
            max(abs(a / b - 1) for a, b in zip([here[0] / here[1], here[1] / here[2], here[2]], ratios, strict=True))
            < tolerance
        )


def test_graded_rows_keep_relative_precision_far_below_rounding():
    rng = np.random.default_rng(5)
    graded = np.diag([1e-20, 1e-10, 1.0]) @ (rng.normal(size=(10, 3, 3)) + 1j * rng.normal(size=(10, 3, 3)))
    for matrix, squares in zip(graded, np.asarray(compiled(graded).squares), strict=True):
        exact, _ = oracle.decomposed(matrix)
        # rows of different size: the smallest singular value is determined to relative rounding, times a few
        assert max(abs(mp.sqrt(mp.mpf(s)) / e - 1) for s, e in zip(squares, exact, strict=True)) < 1e-13


def test_massless_states_stay_massless():
    for masses, massless in (([0.0, 0.1, 1.0], 1), ([0.0, 0.0, 1.0], 2)):
        squares = np.asarray(compiled(matrices(masses)).squares)
        assert np.sqrt(squares[:, :massless]).max() < 1e-12  # of the largest mass; rounding of the entries is 1e-16


def test_factors_are_what_they_are_said_to_be():
    stack = matrices([0.2, 1.0, 3.0])
    found = jax.tree.map(np.asarray, compiled(stack))
    dagger = found.left.conj().swapaxes(-1, -2)
    # rounding of a few products of numbers of order one
    assert np.abs(dagger @ found.left - np.eye(3)).max() < 1e-14
    assert np.abs(dagger @ stack - found.rows).max() < 1e-14
    gram = found.rows @ found.rows.conj().swapaxes(-1, -2)
    assert np.abs(gram - found.squares[:, None, :] * np.eye(3)).max() < 1e-13
    assert np.all(np.diff(found.squares, axis=-1) > 0)


@pytest.mark.parametrize(
    ("matrix", "masses"),
    [
        (np.zeros((3, 3)), [0, 0, 0]),
        (np.eye(3), [1, 1, 1]),
        (np.ones((3, 3)), [0, 0, 3]),
        (np.diag([3.0, 1.0, 2.0]), [1, 2, 3]),
        (np.eye(3)[[1, 2, 0]] * 1e-100, [1e-100] * 3),
    ],
)
def test_special_matrices_give_exact_masses(matrix, masses):
    found = compiled(matrix)
    assert bool(found.converged)
    # 1e-15 of the largest mass: one rounding
    np.testing.assert_allclose(np.sqrt(found.squares), masses, rtol=1e-15, atol=1e-15 * max(masses))
    assert np.all(np.isfinite(found.left))


def test_stacks_of_any_shape_give_the_same_numbers():
    stack = matrices([0.2, 1.0, 3.0], n=12)
    whole, folded = compiled(stack), compiled(stack.reshape(2, 3, 2, 3, 3))
    single = [compiled(m) for m in stack]
    np.testing.assert_array_equal(whole.squares, np.reshape(folded.squares, (12, 3)))
    # one point alone is compiled to other instructions: one rounding of a sum of products
    np.testing.assert_allclose(whole.squares, [s.squares for s in single], rtol=1e-14)


@pytest.mark.parametrize("real", [False, True])
def test_batches_are_stacks_and_numpy_agrees(real):
    stack = matrices([0.2, 1.0, 3.0], n=12)
    stack = stack.real if real else stack
    whole = compiled(stack)
    nested = jax.jit(jax.vmap(jax.vmap(diagonalise)))(stack.reshape(3, 4, 3, 3))
    for one, two in zip(whole, nested, strict=True):
        np.testing.assert_array_equal(one, np.reshape(two, one.shape))
    plain = diagonalise(stack)
    # other instructions for the same sums: a few roundings
    np.testing.assert_allclose(plain.squares, whole.squares, rtol=1e-14)
    np.testing.assert_allclose(np.abs(plain.left), np.abs(whole.left), atol=1e-14)


def test_not_finite_matrices_give_no_numbers_and_do_not_touch_others():
    stack = matrices([0.2, 1.0, 3.0], n=3)
    broken = stack.copy()
    broken[1, 0, 2] = np.nan
    found, clean = compiled(broken), compiled(stack)
    assert np.isnan(found.squares[1]).all()
    np.testing.assert_array_equal(found.squares[::2], clean.squares[::2])


def invariants(matrix):
    """Numbers that do not depend on the phases of the vectors."""
    found = diagonalise(matrix)
    weights = jnp.abs(found.left) ** 2
    quartet = found.left[0, 0] * found.left[1, 1] * jnp.conj(found.left[0, 1] * found.left[1, 0])
    takagi = jnp.diagonal(found.rows @ jnp.conj(found.left))
    return found.squares, weights, quartet, takagi * found.left[0] ** 2


@pytest.mark.parametrize("masses", [[0.3, 1.0, 2.0], [1e-3, 0.1, 1.0]])
def test_derivatives_equal_finite_differences(masses):
    matrix, direction = matrices(masses, n=2, seed=3)

    def along(t):
        squares, weights, quartet, takagi = invariants(matrix + t * direction)
        return squares, weights, quartet.real, quartet.imag, takagi.real, takagi.imag

    # central differences of sixth-root steps are good to about 1e-7 for slopes of order 1 to 1000
    check_grads(along, (0.0,), order=1, modes=("fwd", "rev"), atol=1e-5, rtol=1e-5, eps=1e-6)


def test_second_derivatives_exist_and_are_right():
    matrix, direction = matrices([0.3, 1.0, 2.0], n=2, seed=4)

    def slope(t):
        return jax.grad(lambda x: diagonalise(matrix + x * direction).squares[1])(t)

    step = 1e-5
    difference = (slope(step) - slope(-step)) / (2 * step)
    assert float(jax.grad(slope)(0.0)) == pytest.approx(float(difference), rel=1e-6)  # differences: 1e-10/1e-5


@pytest.mark.parametrize("matrix", [np.eye(3), np.zeros((3, 3)), np.ones((3, 3)), np.diag([1.0, 1.0, 2.0])])
def test_derivatives_are_finite_at_degenerate_masses(matrix):
    rng = np.random.default_rng(2)
    direction = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    found = jax.jvp(invariants, (jnp.asarray(matrix, dtype=complex),), (jnp.asarray(direction),))[1]
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in found)


def test_derivatives_know_small_gaps_of_light_states():
    def mixing(angle):
        c, s = jnp.cos(angle), jnp.sin(angle)
        turn = jnp.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        return diagonalise(turn @ jnp.diag(jnp.array([1e-7, 3e-7, 1.0]))).left[0, 1] ** 2

    # d sin^2(x)/dx; the gap of the squares, 1e-13, is far below 1e-9 of the largest
    assert float(jax.grad(mixing)(0.3)) == pytest.approx(np.sin(0.6), rel=1e-8)
