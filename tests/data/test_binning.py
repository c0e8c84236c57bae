"""Index algebra of binnings against a search bin by bin, adjacency, merging and dropping of bins, contents."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.data.binning import expanded
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product

INF = float("inf")


def axis(name, *edges):
    return Intervals(name, edges)


def xy():
    return Grid((axis("x", 0, 1, 2, 3), axis("y", 0, 1, 2)))


def noisy():
    """Noise, background and signal: two of three bins refined, as in a measurement."""
    background = Grid((axis("x", -INF, 1, INF), axis("y", 0, 1, 2, 3)))
    signal = Grid((axis("x", 0, 1, 2), axis("z", 0, 1))).refined({1: Grid((axis("u", 0, 1, 2),))})
    return Grid((axis("kind", -1.5, -0.5, 0.5, 1.5),)).refined({1: background, 2: signal})


# --- a slow and plain statement of which bin an event lies in


def bin_in(binning, event):
    """Data index by trying every bin, or None."""
    if isinstance(binning, Grid):
        places = []
        for one in binning.axes:
            hits = [i for i in range(len(one)) if one.lower[i] <= event[one.name] < one.upper[i]]
            if not hits:
                return None
            places.append(hits[0])
        index = 0
        for place, count in zip(places, binning.shape, strict=True):
            index = index * count + place
        return index
    if isinstance(binning, Product):
        index = 0
        for part in binning.parts:
            inner = bin_in(part, event)
            if inner is None:
                return None
            index = index * part.size + inner
        return index
    position = bin_in(binning.top, event)
    if position is None:
        return None
    before = sum(binning.children[i].size - 1 for i in binning.children if i < position)
    if position not in binning.children:
        return position + before
    inner = bin_in(binning.children[position], event)
    return None if inner is None else position + before + inner


EVENTS = st.lists(
    st.fixed_dictionaries(
        {name: st.sampled_from([-3.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 9.0, np.nan]) for name in "xyzu"}
        | {"kind": st.sampled_from([-1.0, 0.0, 1.0, 5.0])}
    ),
    max_size=20,
)


@pytest.mark.parametrize(
    "binning",
    [
        xy(),
        noisy(),
        Product((noisy(), Grid((axis("E", 0, 1, 2),)))).project([0]),
        Product((Grid((axis("kind", -2, 0, 2),)), xy().refined({4: Grid((axis("u", 0, 1, INF),))}))),
    ],
    ids=["grid", "refined", "product of a refined binning", "product with a refined part"],
)
@given(events=EVENTS)
def test_events_are_found_in_the_bin_that_a_search_finds(binning, events):
    expected = np.zeros(binning.size)
    for event in events:
        index = bin_in(binning, event)
        if index is not None:
            expected[index] += 1
    contents = binning.fill(events)
    assert contents.values.tolist() == expected.tolist()
    assert contents.report.outside == len(events) - expected.sum()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_grids_and_products_count_the_last_part_fastest(shape, data):
    grid = Grid(tuple(axis(f"v{i}", *range(n + 1)) for i, n in enumerate(shape)))
    product = Product(tuple(grid.project([i]) for i in range(len(shape))))
    index = data.draw(st.integers(0, grid.size - 1))
    assert grid.unravel(index) == product.unravel(index) == tuple(np.ndindex(*shape))[index]
    assert grid.ravel(grid.unravel(index)) == product.ravel(product.unravel(index)) == index
    assert product.marginal_bins(index) == product.unravel(index)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_bin_indices_and_data_indices_convert_into_each_other(sizes):
    top = Grid((axis("a", *range(len(sizes) + 1)),))
    binning = top.refined({i: Grid((axis("b", *range(n + 1)),)) for i, n in enumerate(sizes) if n > 1})
    assert binning.size == sum(sizes)
    owners = [i for i, n in enumerate(sizes) for _ in range(n)]
    assert [binning.bin_index(i) for i in range(binning.size)] == owners
    for i, n in enumerate(sizes):
        assert binning.data_index(i) == i + sum(m - 1 for m in sizes[:i])
        chains = [(i, j) if n > 1 else (i,) for j in range(n)]
        assert [binning.subbins(binning.data_index(i) + j) for j in range(n)] == chains


def test_chains_go_down_all_levels():
    assert noisy().size == 1 + 6 + 3
    assert [noisy().subbins(i) for i in (0, 1, 6, 7, 8, 9)] == [(0,), (1, 0), (1, 5), (2, 0), (2, 1, 0), (2, 1, 1)]


def test_the_parts_of_a_product_bin_are_found_by_data_index():
    product = Product((noisy(), Grid((axis("E", 0, 1, 2),))))
    assert product.shape == (10, 2)
    assert product.marginal_bins(2 * 8 + 1) == (2, 1)
    assert product.marginal_subbins(2 * 8 + 1) == ((2, 1, 0), (1,))


# --- adjacency


def steps_of_one(shape, index):
    here = np.array(np.unravel_index(index, shape))
    return [i for i, there in enumerate(np.ndindex(*shape)) if np.abs(here - there).sum() == 1]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_neighbours_differ_by_one_step_along_one_axis(shape):
    grid = Grid(tuple(axis(f"v{i}", *range(n + 1)) for i, n in enumerate(shape)))
    product = Product(tuple(grid.project([i]) for i in range(len(shape))))
    for index in range(grid.size):
        assert list(grid.neighbours(index)) == steps_of_one(tuple(shape), index)
        assert product.neighbours(index) == grid.neighbours(index)


def test_a_single_bin_has_no_neighbour():
    assert Grid((axis("x", 0, 1),)).neighbours(0) == ()
    assert Grid((axis("x", 0, 1),)).adjacency().shape == (0, 2)


def test_refined_bins_are_next_to_no_bin_of_their_parent():
    binning = Grid((axis("a", 0, 1, 2, 3, 4),)).refined({1: Grid((axis("b", 0, 1, 2),))})
    assert [binning.neighbours(i) for i in range(5)] == [(), (2,), (1,), (4,), (3,)]


def test_steps_in_a_product_follow_the_parts():
    refined = Grid((axis("a", 0, 1, 2, 3),)).refined({0: Grid((axis("b", 0, 1, 2),))})
    product = Product((refined, Grid((axis("c", 0, 1, 2),))))
    assert product.neighbours(0) == (1, 2)  # other c; the other bin of the child
    assert product.neighbours(7) == (5, 6)


def test_boxes_have_no_neighbours():
    assert Boxes(("x",), [[(0, 1)], [(1, 2)]]).neighbours(0) == ()


# --- merging and dropping bins; contents go where the same events go


def test_coarse_sums_the_block_of_a_child():
    contents = noisy().contents(np.arange(10.0))
    assert contents.coarse().values.tolist() == [0, 21, 24]
    assert contents.coarse([1]).values.tolist() == [0, 21, 7, 8, 9]
    assert contents.coarse([1]).binning == noisy().top.refined({2: noisy().child(2)})
    with pytest.raises(UnknownName, match="bin 0 is not refined; refined bins are \\[1, 2\\]"):
        noisy().coarse([0])


def test_refining_replaces_the_content_of_a_bin():
    coarse = noisy().coarse()
    inner = noisy().child(1).contents(np.arange(6.0))
    contents = coarse.contents([5.0, 1.0, 2.0]).refined({1: inner})
    assert contents.values.tolist() == [5, 0, 1, 2, 3, 4, 5, 2]
    assert contents.child(1) == inner
    assert expanded(coarse, np.eye(3), {1: np.zeros((2, 3))}).shape == (4, 3)
    with pytest.raises(InvalidData, match="bin 1 is refined already"):
        noisy().refined({1: xy()})
    with pytest.raises(InvalidData, match="bins 0 to 2"):
        coarse.refined({3: xy()})


def test_projection_works_for_numbers_names_of_any_length_and_lists():
    grid = Grid((axis("a long name", 0, 1, 2), axis("b", 0, 1, 2, 3)))
    contents = grid.contents(np.arange(6.0))
    assert contents.project("a long name").values.tolist() == contents.project(0).values.tolist() == [3, 12]
    assert contents.project(["b"]) == contents.marginalise("a long name") == contents.marginalise([0])
    assert contents.project("b", np.median).values.tolist() == [1.5, 2.5, 3.5]
    assert contents.project("b").binning == Grid((grid.axes[1],))
    with pytest.raises(UnknownName, match="no variable 'c'"):
        grid.project("c")


def test_a_product_projects_on_a_part_of_its_own_type():
    product = Product((noisy(), xyz := Grid((axis("E", 0, 1, 2),))))
    contents = product.contents(np.arange(20.0))
    table = np.arange(20.0).reshape(10, 2)
    assert product.project(0) == noisy()
    assert product.project("E") == xyz
    assert product.project([0]) == Product((noisy(),))
    assert contents.project(0).values.tolist() == table.sum(axis=1).tolist()
    assert contents.project(1, np.max).values.tolist() == table.max(axis=0).tolist()
    assert contents.marginalise(0).values.tolist() == table.sum(axis=0).tolist()


def test_projection_sums_up_children_first():
    binning = xy().refined({0: Grid((axis("u", 0, 1, 2),))})
    contents = binning.contents([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    assert contents.project("x", np.min).values.tolist() == [3, 4, 6]
    assert binning.project("x") == xy().project("x")


EDGES = st.sets(st.integers(0, 5), max_size=4)


@given(EDGES, EDGES, EVENTS)
def test_removing_edges_does_to_contents_what_it_does_to_events(from_x, from_y, events):
    grid = Grid((axis("x", -3, -1, 0, 1, 2, 10), axis("y", -3, -1, 0, 1, 2, 10)))
    after = grid.without_edges({"x": from_x, "y": from_y})
    assert (
        grid.fill(events).without_edges({"x": from_x, "y": from_y}).values.tolist()
        == after.fill(events).values.tolist()
    )


def test_removed_outer_edges_drop_the_outermost_bin():
    contents = Grid((axis("x", 0, 1, 2, 3, 4, 5, 6),)).contents(np.arange(1.0, 7.0))
    less = contents.without_edges({"x": [0, 2, 3]})
    assert less.binning.axes[0].edges == (1, 4, 5, 6)
    assert less.values.tolist() == [9, 5, 6]
    with pytest.raises(InvalidData, match="no edge 7; there are 7 edges"):
        contents.without_edges({"x": [7]})


def test_a_slice_keeps_the_contents_of_its_bins():
    contents = xy().refined({0: xy()}).contents(np.arange(11.0)).slice({"x": (0, 3, 2)})
    assert contents.binning == Grid((axis("x", 0, 2, 3), axis("y", 0, 1, 2)))
    assert contents.values.tolist() == [15, 6, 9, 10]
    product = Product((xy(), Grid((axis("E", 0, 1, 2),)))).contents(np.arange(12.0))
    assert product.slice({"E": (1, None)}).values.tolist() == [1, 3, 5, 7, 9, 11]
    assert product.slice({"y": (0, 1)}).values.tolist() == [0, 1, 4, 5, 8, 9]
    assert product.without_edges({"E": [1]}).values.tolist() == [1, 5, 9, 13, 17, 21]


# --- contents


def test_arithmetic_of_contents_propagates_errors():
    first = Grid((axis("x", 0, 1, 2),)).contents([4.0, 2.0], [4, 2], [4.0, 2.0])
    second = first.binning.contents([2.0, 1.0], [1, 1], [4.0, 1.0])
    assert (first + second).sumw2.tolist() == [8, 3]
    assert (first + second).entries.tolist() == (first - second).entries.tolist() == [5, 3]
    assert (first - second).values.tolist() == [2, 1]
    assert (first - second).sumw2.tolist() == [8, 3]
    assert (3 * first).values.tolist() == [12, 6]
    assert (first * 3).sumw2.tolist() == [36, 18]
    assert (first * 3).entries.tolist() == [4, 2]
    ratio = first / second  # relative variances add: 4/16 + 4/4 and 2/4 + 1/1
    assert ratio.values.tolist() == [2, 2]
    assert np.allclose(ratio.sumw2, [4 * 1.25, 4 * 1.5], rtol=1e-14, atol=0)
    assert (first / 2).values.tolist() == [2, 1]
    assert np.isnan((first / first.binning.empty()).values).all()


def test_contents_with_different_binnings_do_not_add():
    other = Grid((axis("x", 0, 1, 3),)).empty()
    with pytest.raises(InvalidData, match="different binnings and cannot be added"):
        Grid((axis("x", 0, 1, 2),)).empty() + other


def test_equality_compares_structure_and_contents():
    assert xy() == xy()
    assert len({xy(), xy(), noisy(), noisy(), Product((noisy(),)), Product((noisy(),))}) == 3
    assert xy().empty() == xy().empty()
    assert xy().empty() != xy().contents(np.ones(6))
    assert xy().empty() != noisy().empty()


def test_contents_of_the_wrong_size_are_refused_with_both_shapes():
    with pytest.raises(InvalidData, match=r"values of shape \(5,\) do not fit a binning of shape \(6,\)"):
        xy().contents(np.zeros(5))
    with pytest.raises(InvalidData, match=r"entries 1\.9: a number of events"):
        xy().contents(np.zeros(6), np.full(6, 1.9))
    with pytest.raises(InvalidData, match="length 7 was given for a binning of 6 bins"):
        xy().projection("x")[1].apply(np.zeros(7))


def test_contents_stand_for_their_values():
    contents = xy().contents(np.arange(6.0))
    assert np.array_equal(np.asarray(contents), contents.values)
    assert np.asarray(contents, dtype=int).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_block_is_zero_outside_its_bin():
    assert noisy().block(0, 1.0).tolist() == [1] + 9 * [0]
    assert noisy().block(2, [1.0, 2.0, 3.0]).tolist() == 7 * [0] + [1, 2, 3]
    with pytest.raises(InvalidData, match=r"shape \(2,\) for bin 1, which holds 6 bins"):
        noisy().block(1, [1.0, 2.0])


def test_limits_of_refined_bins_are_narrowed():
    limits = noisy().limits()
    assert list(limits) == ["kind", "x", "y", "z", "u"]
    assert [(float(lower[9]), float(upper[9])) for lower, upper in limits.values()] == [
        (0.5, 1.5), (1, 2), (-INF, INF), (0, 1), (1, 2),
    ]  # fmt: skip
    narrowed = Grid((axis("x", 0, 2, 4),)).refined({1: Grid((axis("x", 1, 3, 5),))}).limits()["x"]
    assert [pair.tolist() for pair in narrowed] == [[0, 2, 3], [2, 3, 4]]


def test_phase_spaces_are_sets():
    assert xy().phase_space | {"z"} == {"x", "y", "z"}
    assert xy().phase_space < noisy().phase_space
    assert "x" in xy().phase_space


def test_parts_must_have_different_variables():
    with pytest.raises(InvalidData, match="name of its own"):
        Grid((axis("x", 0, 1), axis("x", 0, 1)))
    with pytest.raises(InvalidData, match=r"twice: \['x'\]"):
        Product((xy(), Grid((axis("x", 0, 1),))))


# --- boxes

QUARTERS = st.integers(-4, 4)
SPANS = st.tuples(QUARTERS, QUARTERS).filter(lambda s: s[0] < s[1])
SIDES = st.sampled_from(["left", "right", "both", "neither"])


def holds(box, closed, point):
    def inside(low, high, value):
        above = value >= low if closed in ("left", "both") else value > low
        return above and (value <= high if closed in ("right", "both") else value < high)

    return all(inside(low, high, value) for (low, high), value in zip(box, point, strict=True))


@given(st.lists(st.tuples(st.tuples(SPANS, SPANS), SIDES), min_size=1, max_size=5), st.data())
def test_boxes_hold_the_points_that_a_search_finds_and_never_overlap(pairs, data):
    boxes, closed = [box for box, _ in pairs], [side for _, side in pairs]
    points = list(itertools.product(np.arange(-4.25, 4.5, 0.25), repeat=2))
    owners = [[i for i, box in enumerate(boxes) if holds(box, closed[i], point)] for point in points]
    if any(len(found) > 1 for found in owners):
        with pytest.raises(InvalidData, match="overlap"):
            Boxes(("x", "y"), boxes, closed)
        return
    events = {"x": np.array([p[0] for p in points]), "y": np.array([p[1] for p in points])}
    counts = Boxes(("x", "y"), boxes, closed).fill(events).values
    assert counts.tolist() == [sum(found == [i] for found in owners) for i in range(len(boxes))]


def test_overlapping_boxes_are_named():
    with pytest.raises(InvalidData, match=r"boxes 0 .* and 2 .* overlap"):
        Boxes(("x",), [[(0, 2)], [(2, 3)], [(1, 2)]])
    with pytest.raises(InvalidData, match=r"boxes 0 .* and 1 .* overlap"):
        Boxes(("x",), [[(0, 1)], [(1, 2)]], closed="both")


def test_boxes_with_bad_edges_are_refused():
    with pytest.raises(InvalidData, match="box 0: edges 1 and 1 of 'x'"):
        Boxes(("x",), [[(1, 1)]])
    with pytest.raises(InvalidData, match="box 0: edges nan"):
        Boxes(("x",), [[(np.nan, 1)]])
    with pytest.raises(InvalidData, match="box 1 has edges in 1 variables"):
        Boxes(("x", "y"), [[(0, 1), (0, 1)], [(0, 1)]])


def test_nan_is_outside_every_box():
    everything = Boxes(("x",), [[(-INF, INF)]], closed="both")
    assert everything.fill({"x": [np.nan, 0.0, INF, -INF]}).values.tolist() == [3]


def test_boxes_in_many_variables_are_tried_one_by_one():
    names = [f"v{i}" for i in range(9)]
    spans = [[(float(i), float(i + 1))] * 9 for i in range(8)]
    boxes = Boxes(names, spans)
    assert boxes._table is None
    events = {name: np.array([0.5, 3.0, 7.999, 8.0, np.nan]) for name in names}
    assert boxes.fill(events).values.tolist() == [1, 0, 0, 1, 0, 0, 0, 1]


def test_boxes_are_no_product():
    boxes = Boxes(("x", "y"), [[(0, 1), (0, 1)]])
    for attempt in (
        lambda: boxes.project("x"),
        lambda: boxes.marginalise("x"),
        lambda: boxes.slice({"x": (0, 1)}),
        lambda: boxes.without_edges({"x": [0]}),
    ):
        with pytest.raises(InvalidOption, match="no product of variables"):
            attempt()
