"""Where nodes and instances lie on the device, threads of a block, and what "auto" takes."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heliox_neuron.engines import choose
from heliox_neuron.engines.gpu import launch, layout

SEVERAL = layout._SEVERAL


@st.composite
def forests(draw):
    """(parent, n_cell): roots first, each cell's nodes contiguous, a parent before its children."""
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=12))
    n_cell = len(sizes)
    parent = [0] * n_cell
    for root, size in enumerate(sizes):
        cell = [root]
        for _ in range(size - 1):
            parent.append(cell[draw(st.integers(0, len(cell) - 1))])
            cell.append(len(parent) - 1)
    return np.array(parent, np.int32), n_cell


@st.composite
def layouts(draw):
    parent, n_cell = draw(forests())
    signature = np.array([draw(st.integers(0, 3)) for _ in parent], np.int64)
    one_block = draw(st.booleans())
    multiprocessors = draw(st.sampled_from([1, 132]))
    block = layout.blocks_of(parent, n_cell, multiprocessors, one_block)
    nodes = layout.lay_out(parent, n_cell, signature, block)
    return parent, n_cell, signature, nodes


def root_of(parent, n_cell, node):
    while node >= n_cell:
        node = int(parent[node])
    return node


@settings(max_examples=60, deadline=None)
@given(layouts())
def test_every_node_has_one_place(found):
    parent, n_cell, signature, nodes = found
    n = len(parent)
    assert sorted(nodes.position) == list(range(n))
    assert np.array_equal(nodes.row[nodes.position], np.arange(n))
    assert nodes.first[0] == 0 and nodes.first[-1] == n
    assert np.array_equal(nodes.position, nodes.first[nodes.block] + nodes.slot)
    for row in range(n):
        assert nodes.block[row] == nodes.block[root_of(parent, n_cell, row)], "a cell is cut"
    for block in range(nodes.n_block):
        rows = nodes.row[nodes.first[block] : nodes.first[block + 1]]
        assert np.all(np.diff(signature[rows]) >= 0), "equal sets of mechanisms lie together"


@settings(max_examples=60, deadline=None)
@given(layouts())
def test_kin_are_parent_and_children(found):
    parent, n_cell, _, nodes = found
    words = nodes.kin.view(np.uint32)
    for row in range(len(parent)):
        at = nodes.position[row]
        children = [k for k in range(n_cell, len(parent)) if parent[k] == row]
        slots = nodes.child[nodes.child_first[at] : nodes.child_first[at + 1]]
        assert slots.tolist() == [nodes.slot[k] for k in children], "NEURON's order"
        own = int(words[at]) & 0xFFFF
        assert own == (0 if row < n_cell else nodes.slot[parent[row]] + 1)
        other = int(words[at]) >> 16
        assert other == (
            0
            if not children
            else nodes.slot[children[0]] + 1
            if len(children) == 1
            else SEVERAL + 1
        )


@settings(max_examples=60, deadline=None)
@given(layouts())
def test_forests_are_the_cells_of_a_block(found):
    parent, n_cell, _, nodes = found
    for block, (parents, slots) in enumerate(nodes.forest):
        rows = np.flatnonzero(nodes.block == block)  # NEURON's order
        assert slots.tolist() == nodes.slot[rows].tolist()
        for k, row in enumerate(rows):
            expected = -1 if row < n_cell else rows.tolist().index(parent[row])
            assert parents[k] == expected


@settings(max_examples=60, deadline=None)
@given(layouts(), st.data())
def test_instances_follow_their_nodes(found, data):
    parent, _, _, nodes = found
    n_node = len(parent)
    node = np.array(data.draw(st.lists(st.integers(0, n_node - 1), min_size=1, max_size=20)))
    laid = layout.lay_instances(node, nodes, dense=False)
    assert sorted(laid.place) == list(range(len(node))) and laid.size == len(node)
    assert np.array_equal(laid.place[laid.order], np.arange(len(node)))
    where = nodes.position[node[laid.order]]
    assert np.all(np.diff(where) >= 0)
    assert np.array_equal(laid.slot, nodes.slot[node[laid.order]])
    for position in range(n_node):
        mine = np.flatnonzero(where == position)
        begin, end = laid.at_node[position], laid.at_node[position + 1]
        assert mine.tolist() == list(range(begin, end))
        assert np.all(np.diff(laid.order[begin:end]) > 0), "NEURON's order at a node"
        assert laid.index[position] == (begin if mine.size else -1)
    assert np.array_equal(laid.block, laid.at_node[nodes.first])
    single = np.unique(node)
    dense = layout.lay_instances(single, nodes, dense=True)
    assert dense.size == n_node and np.array_equal(dense.place, nodes.position[single])


@pytest.mark.parametrize(
    ("sizes", "multiprocessors", "blocks"),
    [
        ([1] * 10, 1, [0] * 10),  # small cells share a block
        ([600, 600, 600], 132, [0, 1, 2]),  # a large one has its own
        ([30, 30, 30, 30], 132, [0, 1, 2, 3]),  # two do not fit into 32 nodes
        ([10, 10, 10, 10], 132, [0, 0, 0, 1]),
        ([1, 600, 1], 132, [0, 1, 2]),
    ],
)
def test_cells_are_dealt_out(sizes, multiprocessors, blocks):
    assert layout.deal_cells(np.array(sizes), multiprocessors).tolist() == blocks


def test_signatures_put_frequent_mechanisms_first():
    masks = np.array([[0b01, 0b11, 0b00, 0b01, 0b11, 0b10]], np.uint32)
    signature = layout.signatures(masks)
    groups = {mask: set(signature[masks[0] == mask]) for mask in (0, 1, 2, 3)}
    assert all(len(group) == 1 for group in groups.values())
    assert len(set().union(*groups.values())) == 4
    assert layout.signatures(np.zeros((1, 3), np.uint32)).tolist() == [0, 0, 0]
    wide = np.zeros((2, 4), np.uint32)
    wide[1, 2] = 1  # entry 32
    assert len(set(layout.signatures(wide))) == 2


# ---- launches ----


def device(multiprocessors=132, shared=227 * 1024):
    return SimpleNamespace(n_multiprocessor=multiprocessors, shared_bytes=shared)


def test_few_large_blocks_have_many_threads():
    assert launch.choose_threads(device(), np.array([839])) >= 256
    assert launch.choose_threads(device(), np.array([20])) <= 128
    many = launch.choose_threads(device(), np.full(132 * 8, 600))
    assert many <= 128
    for sizes in ([1], [839], [100] * 1000, [600] * 132):
        threads = launch.choose_threads(device(), np.array(sizes))
        assert threads % 32 == 0 and 32 <= threads <= 1024


def test_nodes_lie_in_shared_memory_while_they_fit():
    small = launch.NodeMemory.choose(device(), np.array([600]), 0, 256)
    assert (small.shared, small.v) == (8 * 5 * 600, "")
    assert "HX_GLOBAL_NODES" not in small.macros()
    crowd = launch.NodeMemory.choose(device(), np.full(132 * 12, 600), 0, 128)
    assert crowd.resident > small.resident
    assert crowd.shared * crowd.resident <= device().shared_bytes
    huge = launch.NodeMemory.choose(device(), np.array([60_000]), 0, 512)
    assert huge.shared == 0 and "HX_GLOBAL_NODES" in huge.macros()
    edge = launch.NodeMemory.choose(device(), np.array([6_500]), 0, 512)
    assert edge.v == "HX_GLOBAL_V" and edge.shared == 8 * 4 * 6_500
    assert "HX_GLOBAL_V" in edge.macros()


def test_the_host_device_has_no_shared_memory():
    memory = launch.NodeMemory.choose(device(2, 0), np.array([10]), 3, 1)
    assert (memory.shared, memory.resident) == (0, 1)


# ---- what "auto" takes ----


class AutoCore:
    """As much of the core as the choice looks at."""

    def __init__(self, nodes, setting="auto"):
        self.nodes = nodes
        self.setting = setting

    def get(self, name):
        return {"device": self.setting, "fidelity": "exact"}.get(name, "auto")

    def device_size(self):
        return self.nodes


@pytest.fixture
def has_gpu(monkeypatch):
    choose.may_have_gpu.cache_clear()
    monkeypatch.setenv("HELIOX_GPU_DEVICE", "host")
    yield
    choose.may_have_gpu.cache_clear()


@pytest.mark.parametrize(
    ("kind", "steps", "nodes", "says"),
    [
        ("fadvance", 1, 10**6, "fadvance"),
        ("psolve", 3, 10**6, "3 steps"),
        ("continuerun", 4000, 50, "50 nodes"),
    ],
)
def test_auto_says_why_not(has_gpu, kind, steps, nodes, says):
    answer = choose.DeviceEngine(AutoCore(nodes)).steps(kind, steps, 100.0)
    assert answer[0] == "" and says in answer[1]


def test_auto_takes_the_gpu_for_long_runs_of_large_models(has_gpu):
    asked = []
    engine = choose.DeviceEngine(AutoCore(10**6))
    engine.gpu = SimpleNamespace(steps=lambda *request: asked.append(request) or 4000)
    assert engine.steps("psolve", 4000, 100.0) == 4000
    assert asked == [("psolve", 4000, 100.0)]
    engine.core.setting, engine.core.nodes = "gpu", 1  # who asks for it gets it
    assert engine.steps("fadvance", 1, 0.025) == 4000


def test_auto_without_a_gpu_imports_nothing(monkeypatch, no_gpu):
    monkeypatch.setattr(choose.importlib.util, "find_spec", lambda name: None)
    choose.may_have_gpu.cache_clear()
    engine = choose.DeviceEngine(AutoCore(10**6))
    assert engine.steps("psolve", 4000, 100.0) == ("", "no GPU")
    assert engine.gpu is None
    choose.may_have_gpu.cache_clear()


def test_choosing_costs_nothing_without_cupy():
    """choose.py is imported with the package: neither CuPy nor the engine may come with it."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(choose)))
    loaded = {
        name.name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert not loaded & {"cupy", "gpu", "GpuEngine"}
