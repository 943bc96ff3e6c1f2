"""The page's script as source: parts that node tests, joined by a plain rule, into a page that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from neuro_actors.viewer.page import FOLDER, join_modules, render_page
from neuro_actors.viewer.page_json import as_json

MODULES = sorted(FOLDER.glob("*.js"))
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="needs node: apt-get install nodejs")


@needs_node
def test_the_parts_by_themselves() -> None:
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--test", str(Path(__file__).parent / "js")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_node
def test_joined_they_are_one_script(tmp_path: Path) -> None:
    assert NODE is not None
    (tmp_path / "all.mjs").write_text(join_modules("main.js"))
    subprocess.run([NODE, "--check", str(tmp_path / "all.mjs")], check=True)


def test_joining_leaves_nothing_out() -> None:
    script = join_modules("main.js")
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    for module in MODULES:
        text = module.read_text()
        assert not re.search(
            r"^(import(?! \{ [\w, ]+ \} from \"\./\w+\.js\";$)|export (?!class|const|function))",
            text,
            re.MULTILINE,
        ), module.name
        first = next(line for line in text.splitlines() if line.startswith("//"))
        assert script.count(first) == 1, f"{module.name} is not reached, or twice"


def test_no_name_is_declared_twice() -> None:
    script = "\n".join(m.read_text() for m in MODULES)
    names = re.findall(
        r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)", script, re.MULTILINE
    )
    for several in re.findall(r"^(?:const|let) [\[{](.+?)[\]}] =", script, re.MULTILINE):
        names += re.findall(r"\w+", several)
    assert sorted(set(names)) == sorted(names)


def test_no_text_becomes_markup_or_code() -> None:
    for module in MODULES:
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\(\"style|fetch\(|XMLHttp|localStorage",
            module.read_text(),
        )
        assert not found, (module.name, found)
    assert "style=" not in (FOLDER / "page.html").read_text()


def test_files_are_small() -> None:
    code = [module for module in MODULES if "words" not in module.name]
    assert max(len(module.read_text().splitlines()) for module in code) <= 350
    assert max(len(line) for module in code for line in module.read_text().splitlines()) <= 100


def test_every_word_is_there_and_needed() -> None:
    of_panels = ("words.js", "element_words.js")
    known: set[str] = set()
    for name in of_panels:
        words = (FOLDER / name).read_text()
        english = words[words.index("en: {") : words.index("fr: {")]
        found = set(re.findall(r"(?:^|[ {])(\w+): \"", english, re.MULTILINE))
        assert not found & known
        known |= found
    rest = "\n".join(
        m.read_text() for m in [*MODULES, FOLDER / "page.html"] if m.name not in of_panels
    )
    asked = set(re.findall(r"\b(?:say|blank)\(\"(\w+)\"", rest)) | set(
        re.findall(r"data-(?:say|label)=\"(\w+)\"", rest)
    )
    assert asked <= known, asked - known
    for word in known:
        of_a_family = word.split("_")[0] in (
            "phase",
            "short",
            "wave",
            "mode",
            "symbol",
            "function",
            "term",
            "says",
            "combines",
            "slope",
            "count",
        )
        assert of_a_family or re.search(rf"\b{word}\b", rest), word


def test_the_policy_allows_this_script_and_this_style_alone() -> None:
    text = render_page({"title": "x"})
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert script is not None
    assert style is not None
    for what, inside in (("script-src", script[1]), ("style-src", style[1])):
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{what} 'sha256-{digest}'" in policy[1]
    assert policy[1].startswith("default-src 'none';")
    assert "unsafe" not in policy[1]
    assert "\r" not in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_json_in_which_no_tag_begins() -> None:
    values = {"</script><!--": ["&", "\u2028", "é", "\\", "$script"]}
    text = as_json(values)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == values
    assert as_json(values) in render_page(values)
