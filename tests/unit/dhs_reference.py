"""DHS schedules in plain Python: what src/solvers/dhs.cpp is compared with."""

from dataclasses import dataclass, field

import numpy as np

LANES = 32
IDLE = 0xFFFF
AHEAD = 4  # idle rounds before and after
NOWHERE = 0xFFFF


def rounds(tree, nodes, n_lane, limit=0, margin=0):
    """Rounds of at most n_lane ready nodes, tips first, the deepest first.

    nodes: those to schedule, in NEURON's order; with any two of a tree they hold the way between
    them. Children outside count as done. Deepest first gives the fewest rounds (Hu 1961; Zhang et
    al. 2023, algorithm 1). With a limit on the rounds, nodes that would be within `margin` rounds
    of missing it come first, then those whose child was in the round before.
    """
    level = {}
    for i in nodes:
        level[i] = level.get(tree.parent[i], -1) + 1
    waiting = {i: sum(c in level for c in tree.children[i]) for i in nodes}
    ready = [(-level[i], i) for i in nodes if not waiting[i]]
    follows = set()
    out = []
    while ready:
        due = limit - len(out) - 1 - margin  # nodes at this level or deeper must not wait
        if limit:
            ready.sort(key=lambda one: (min(one[0] + due, 1), one[1] not in follows, one))
        else:
            ready.sort()
        chosen = [i for _, i in ready[:n_lane]]
        del ready[:n_lane]
        out.append(chosen)
        follows = {tree.parent[i] for i in chosen}
        for i in chosen:
            p = tree.parent[i]
            if p in waiting:
                waiting[p] -= 1
                if not waiting[p]:
                    ready.append((-level[p], p))
    return out


@dataclass
class Layout:
    """Which rounds each warp does in each phase, and which contributions are carried.

    phases: per phase and warp. carried: child whose elimination its parent finds in registers.
    """

    n_lane: int
    phases: list = field(default_factory=list)
    carried: set = field(default_factory=set)

    @property
    def rounds(self):
        return sum(max((len(s) for s in warps), default=0) for warps in self.phases)


def _lanes(tree, schedule, n_lane):
    """A lane for each node of some rounds, and the children whose elimination is carried."""
    out = []
    carried = set()
    before = {}
    for chosen in schedule:
        lanes = [-1] * n_lane
        rest = []
        for i in chosen:
            child = next((c for c in tree.children[i] if c in before), None)
            if child is None:
                rest.append(i)
            else:
                lanes[before[child]] = i
                carried.add(child)
        free = (lane for lane in range(n_lane) if lanes[lane] < 0)
        for i, lane in zip(rest, free, strict=False):
            lanes[lane] = i
        before = {i: lane for lane, i in enumerate(lanes) if i >= 0}
        out.append(lanes)
    return out, carried


def _schedule(tree, nodes, n_lane):
    """The fewest rounds and, among some ways to have them, the most carried eliminations."""
    schedule = rounds(tree, nodes, n_lane)
    best = _lanes(tree, schedule, n_lane)
    if len(nodes) > len(schedule):
        for margin in (0, 1, 2, 4, 8, 16):
            other = rounds(tree, nodes, n_lane, len(schedule), margin)
            if len(other) == len(schedule):
                lanes = _lanes(tree, other, n_lane)
                if len(lanes[1]) > len(best[1]):
                    best = lanes
    return best


def _pieces(tree, inside):
    """The connected parts of the nodes in `inside`, in NEURON's order, the largest first."""
    part = [-1] * tree.n_node
    out = []
    for i, p in enumerate(tree.parent):
        if not inside[i]:
            continue
        if p >= 0 and inside[p]:
            part[i] = part[p]
        else:
            part[i] = len(out)
            out.append([])
        out[part[i]].append(i)
    return sorted(out, key=len, reverse=True)


def _share(pieces, n_warp):
    """The pieces on warps of about equal numbers of nodes."""
    warps = [[] for _ in range(min(n_warp, max(1, len(pieces))))]
    for piece in pieces:
        min(warps, key=len).extend(piece)
    return warps


def _layout(tree, n_thread, limit):
    """Subtrees of at most `limit` nodes first, then what is nearer to the roots."""
    n_warp = max(1, n_thread // LANES)
    layout = Layout(min(LANES, n_thread))
    size = [1] * tree.n_node
    for i in range(tree.n_node - 1, -1, -1):
        if tree.parent[i] >= 0:
            size[tree.parent[i]] += size[i]
    for inside in ([s <= limit for s in size], [s > limit for s in size]):
        if any(inside):
            warps = _share(_pieces(tree, inside), n_warp)
            made = [_schedule(tree, sorted(nodes), layout.n_lane) for nodes in warps]
            layout.phases.append([schedule for schedule, _ in made])
            layout.carried.update(*(carried for _, carried in made))
    return layout


def layout(tree, n_thread):
    """Whole cells on warps; subtrees, if that saves a tenth of the rounds."""
    best = _layout(tree, n_thread, tree.n_node)
    if n_thread < 2 * LANES:
        return best
    limit = tree.n_node // 2
    while limit >= 16 and best.rounds > 1.1 * tree.n_level:
        other = _layout(tree, n_thread, limit)
        if other.rounds < 0.9 * best.rounds:
            best = other
        limit //= 2
    return best


def _branch_points(tree, slot, carried):
    """Three words each (the first one is nobody's), each node's, and how many places they use."""
    first = []
    sums = {}
    for children in tree.children:
        first.append(len(sums))
        for c in children:
            if c not in carried:
                sums[c] = len(sums)
    for root in tree.roots():  # nobody reads these; one each, or lanes would race for it
        sums[root] = len(sums)
    words = [0, 0, 0]
    of_node = np.zeros(tree.n_node, np.int64)
    for i, children in enumerate(tree.children):
        in_lane = [c for c in children if c in carried]
        if i in carried and len(children) == len(in_lane):
            continue
        before = children.index(in_lane[0]) if in_lane else len(children)
        after = len(children) - before - len(in_lane)
        p = tree.parent[i]
        parent = -1 if p < 0 else -2 if i in carried else int(slot[p])
        of_node[i] = len(words) // 3
        places = first[i] | (sums.get(i, NOWHERE) << 16)
        words += [places, before | after << 16, parent]
    return words, of_node, len(sums)


def table(tree, slot, n_thread):
    """The device table, scratch doubles and rounds."""
    plan = layout(tree, n_thread)
    points, point_of, n_sum = _branch_points(tree, slot, plan.carried)
    n_warp = max((len(warps) for warps in plan.phases), default=0)
    header = [len(plan.phases), n_warp, 0]
    body = []
    start = len(header) + 2 * len(plan.phases) * n_warp
    for warps in plan.phases:
        for w in range(n_warp):
            schedule = warps[w] if w < len(warps) else []
            header += [start + len(body) + AHEAD * LANES, len(schedule)]
            body += [IDLE] * (AHEAD * LANES)
            for lanes in schedule:
                body += [IDLE if i < 0 else int(slot[i]) | int(point_of[i]) << 16 for i in lanes]
                body += [IDLE] * (LANES - len(lanes))
            body += [IDLE] * (AHEAD * LANES)
    header[2] = start + len(body)
    words = np.array(header + body + points, np.int64).astype(np.uint32).view(np.int32)
    return words, 2 * n_sum, plan.rounds
