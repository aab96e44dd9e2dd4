"""The checks of the drawing find what is planted in a small house of their own."""

import pytest
from drawing import circle, mismatches, parse, wrong_imports

PLANTED = """
top/           runs things
mid/deep/      many of them
mid/           one of them
left/ right/   two beside each other: parts/
ground.py      numbers

apart/         knows nothing of the rest
toy_envs/      tasks
"""


def plant(root, files):
    """A small house that agrees with PLANTED, with some files changed or added."""
    usual = {
        "tinyalign/__init__.py": "from tinyalign.left import a",
        "tinyalign/__main__.py": "import tinyalign.top",
        "tinyalign/top/a.py": "import numpy\nfrom tinyalign.mid.deep import a\nimport toy_envs",
        "tinyalign/mid/deep/a.py": "from tinyalign.mid import a\nfrom tinyalign.mid.deep import b",
        "tinyalign/mid/deep/b.py": "",
        "tinyalign/mid/a.py": "from tinyalign.left import a\nfrom tinyalign import apart, right",
        "tinyalign/left/a.py": "from tinyalign.ground import number",
        "tinyalign/left/parts/a.py": "",
        "tinyalign/right/a.py": "",
        "tinyalign/ground.py": "number = 1",
        "tinyalign/apart/a.py": "from tinyalign.apart import b",
        "tinyalign/apart/b.py": "",
        "toy_envs/a.py": "import numpy",
    }
    for name, text in (usual | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in {(root / name).parent for name in usual} - {root / "tinyalign"}:
        (folder / "__init__.py").touch()
    return root


def test_a_house_that_agrees_with_its_drawing_passes(tmp_path):
    root, house = plant(tmp_path, {}), parse(PLANTED)
    assert house.floors == [["top/"], ["mid/deep/"], ["mid/"], ["left/", "right/"], ["ground.py"]]
    assert house.apart == ["apart/", "toy_envs/"] and house.folders == [("left/", "parts/")]
    assert mismatches(house, root) == wrong_imports(house, root) == circle(root) == []


WRONG = {
    "upward": ("tinyalign/ground.py", "from tinyalign.left import a"),
    "upward, inside a function": ("tinyalign/left/a.py", "def f():\n    import tinyalign.mid"),
    "upward, relative": ("tinyalign/mid/a.py", "from ..top import a"),
    "into the room inside the room": ("tinyalign/mid/a.py", "from tinyalign.mid import deep"),
    "sideways": ("tinyalign/right/a.py", "from tinyalign import left"),
    "from a room apart": ("tinyalign/apart/a.py", "from tinyalign import ground"),
    "between rooms apart": ("tinyalign/apart/a.py", "import toy_envs.a"),
    "from toy_envs": ("toy_envs/a.py", "from tinyalign.apart import a"),
    "of the whole package": ("tinyalign/mid/a.py", "import tinyalign as ta"),
}


@pytest.mark.parametrize(("name", "text"), WRONG.values(), ids=WRONG)
def test_a_planted_import_is_found(tmp_path, name, text):
    """Exactly one import is wrong, and the sentence names its file."""
    (sentence,) = wrong_imports(parse(PLANTED), plant(tmp_path, {name: text}))
    assert sentence.startswith(f"{name} imports t")


def test_a_planted_circle_is_found(tmp_path):
    planted = {"tinyalign/apart/b.py": "def f():\n    from tinyalign.apart.a import number"}
    assert set(circle(plant(tmp_path, planted))) == {"tinyalign/apart/a.py", "tinyalign/apart/b.py"}


def test_a_room_that_is_not_drawn_and_one_that_is_not_there_are_found(tmp_path):
    root = plant(tmp_path, {"tinyalign/loft/a.py": "", "tinyalign/loose.py": ""})
    assert mismatches(parse(PLANTED), root) == ["loft/", "loose.py"]
    more = PLANTED.replace("ground.py", "ground.py cellar/").replace("parts/", "parts/ pieces/")
    house = parse(more.replace("mid/deep/", "mid/low/ "))
    assert mismatches(house, root) == ["cellar/", "left/pieces/", "loft/", "loose.py", "mid/low/"]
