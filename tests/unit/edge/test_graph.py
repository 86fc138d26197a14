"""Where boxes stand: each right of those that send to it, circles or not."""

from __future__ import annotations

import random

from emulator.edge.dashboard.graph import HEIGHT, WIDTH, layout


def test_boxes_stand_right_of_those_that_send_to_them() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(50):
        count = rng.randint(1, 30)
        nodes = [{"arn": str(each)} for each in range(count)]
        # Only forward, so without circles.
        pairs = [sorted(rng.choices(range(count), k=2)) for _ in range(count)]
        wires = [{"source": str(a), "target": str(b)} for a, b in pairs if a != b]
        graph = layout(nodes, wires)
        at = {box.node["arn"]: (box.x, box.y) for box in graph.boxes}
        assert len(set(at.values())) == count
        assert all(at[each["source"]][0] < at[each["target"]][0] for each in wires)


def test_a_line_that_goes_past_a_column_passes_behind_no_box() -> None:
    nodes = [{"arn": each} for each in "abc"]
    wires = [{"source": one, "target": other} for one, other in ("ab", "bc", "ac")]
    graph = layout(nodes, wires)
    at = {box.node["arn"]: box for box in graph.boxes}
    past = graph.lines[2].path
    middle = at["b"].y + HEIGHT // 2
    # It runs straight through the column of b, in a row of its own.
    assert f"H{at['b'].x + WIDTH}" in past
    assert f"{at['b'].x},{middle} " not in past


def test_circles_are_drawn_too() -> None:
    nodes = [{"arn": each} for each in "abc"]
    wires = [{"source": one, "target": other} for one, other in ("ab", "bc", "ca", "aa")]
    graph = layout(nodes, wires)
    assert (len(graph.boxes), len(graph.lines)) == (3, 4)
    assert len({box.x for box in graph.boxes}) == 3
