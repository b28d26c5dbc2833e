"""Opens pages in a headless Chromium and prints what is wrong with them, one JSON object a line.

    check.py [--shots DIR] PAGE...

Each page is shown at the widths of a phone and of a desk, in light, dark and print. Looked for are:
messages on the console, requests, sideways scrolling of the page, text that covers other text or is
cut off, failures of axe-core's WCAG A and AA rules that it calls serious or critical, and focusable
elements that Tab does not reach. The exit code is 0 when all pages could be looked at, whatever was
found. The browser is the one called chromium, or what LOCKTOLL_CHROMIUM names.
"""

import argparse
import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTHS = (360, 1400)
APPEARANCES = ("light", "dark", "print")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Boxes of all text that is shown, line by line; what a scrolling parent hides is left out. Lines are
# taken at the height of their letters, since the boxes of neighbouring lines always overlap a little.
TEXT_CHECKS = r"""
() => {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth)
    found.push(["overflow", `the page is ${root.scrollWidth} wide in ${root.clientWidth}`]);

  const clips = new Map();
  const clipOf = element => {
    if (!element || element === document.body) return null;
    if (clips.has(element)) return clips.get(element);
    let clip = clipOf(element.parentElement);
    if (getComputedStyle(element).overflowX !== "visible" && !(element instanceof SVGElement)) {
      const box = element.getBoundingClientRect();
      clip = clip ? {left: Math.max(clip.left, box.left), right: Math.min(clip.right, box.right)} : box;
    }
    clips.set(element, clip);
    return clip;
  };

  const boxes = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const words = node.data.trim();
    const parent = node.parentElement;
    if (!words || !parent.checkVisibility()) continue;
    if (parent.closest("title, desc, style, script, .skip:not(:focus)")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const clip = clipOf(parent);
    for (const box of range.getClientRects()) {
      const left = Math.max(box.left + 1, clip ? clip.left : -1e9);
      const right = Math.min(box.right - 1, clip ? clip.right : 1e9);
      const top = box.top + box.height * 0.22, bottom = box.bottom - box.height * 0.22;
      if (right > left && bottom > top) boxes.push({left, right, top, bottom, words, node});
    }
    const drawing = parent.closest("svg");
    if (drawing) {
      const text = range.getBoundingClientRect(), frame = drawing.getBoundingClientRect();
      if (text.width && (text.left < frame.left - 1.5 || text.right > frame.right + 1.5 ||
          text.top < frame.top - 2.5 || text.bottom > frame.bottom + 2.5))
        found.push(["cut", `outside its drawing: ${words}`]);
    }
  }
  boxes.sort((a, b) => a.top - b.top);
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length && boxes[j].top < boxes[i].bottom; j++) {
      const [a, b] = [boxes[i], boxes[j]];
      if (a.node !== b.node && a.left < b.right && b.left < a.right)
        found.push(["overlap", `"${a.words}" and "${b.words}"`]);
    }
  }

  for (const element of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    const hides = way => way === "hidden" || way === "clip";
    if (element instanceof SVGElement || !element.textContent.trim()) continue;
    if ((hides(style.overflowX) && element.scrollWidth > element.clientWidth + 1) ||
        (hides(style.overflowY) && element.scrollHeight > element.clientHeight + 1))
      found.push(["cut", element.textContent.trim().slice(0, 60)]);
  }
  return found;
}
"""

FOCUSABLE = """
() => {
  const all = document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex^="-"])');
  const shown = [...all].filter(element => element.checkVisibility());
  shown.forEach((element, index) => element.dataset.stop = index);
  return shown.length;
}
"""

WHERE = "() => document.activeElement && document.activeElement.dataset.stop"
OPEN_ALL = "() => document.querySelectorAll('details').forEach(part => part.open = true)"


def axe_source():
    """The script of axe-core that the package carries."""
    package = importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0]
    return (Path(package) / "axe.min.js").read_text(encoding="utf-8")


class Checker:
    """One page in one width and appearance after the other."""

    def __init__(self, browser, axe, shots):
        self.browser = browser
        self.axe = axe
        self.shots = shots

    def check(self, path):
        """All findings on a page."""
        for width in WIDTHS:
            for appearance in APPEARANCES:
                yield from self.view(path, width, appearance)

    def view(self, path, width, appearance):
        """The findings on a page in one width and appearance."""
        found = []
        context = self.browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if appearance == "dark" else "light",
        )
        page = context.new_page()
        page.on("console", lambda said: said.type in ("error", "warning")
                and found.append(["console", said.text]))
        page.on("pageerror", lambda error: found.append(["console", str(error)]))
        url = path.resolve().as_uri()
        page.on("request", lambda asked: asked.url != url
                and found.append(["request", asked.url]))
        page.goto(url, wait_until="load")
        if appearance == "print":
            page.emulate_media(media="print")
        found += page.evaluate(TEXT_CHECKS)
        if self.shots:
            page.screenshot(path=self.shots / f"{path.stem}-{width}-{appearance}.png", full_page=True)
        if appearance != "print" and width != WIDTHS[0]:
            found += self.accessibility(page)
        page.evaluate(OPEN_ALL)
        found += page.evaluate(TEXT_CHECKS)
        # Thousands of folded cells take long, and differ in neither colour nor width.
        if appearance == "light" and width == WIDTHS[0]:
            found += self.accessibility(page)
        if appearance == "light":
            found += self.reach(page)
        context.close()
        seen = set()
        for kind, detail in found:
            if (kind, detail) not in seen:
                seen.add((kind, detail))
                yield {"page": path.name, "width": width, "appearance": appearance,
                       "kind": kind, "detail": detail}

    def accessibility(self, page):
        """What axe-core finds that is serious or critical."""
        page.evaluate(self.axe)
        result = page.evaluate(
            "tags => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})",
            WCAG)
        return [["axe", f"{rule['id']}: {node['target']}: {node['failureSummary']}"]
                for rule in result["violations"] if rule["impact"] in ("serious", "critical")
                for node in rule["nodes"][:3]]

    def reach(self, page):
        """Focusable elements that Tab does not reach."""
        count = page.evaluate(FOCUSABLE)
        reached = set()
        for _ in range(count + 5):
            page.keyboard.press("Tab")
            reached.add(page.evaluate(WHERE))
        return [["focus", f"element {index} is not reached by Tab"]
                for index in range(count) if str(index) not in reached]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--shots", type=Path)
    arguments.add_argument("pages", nargs="+", type=Path)
    arguments = arguments.parse_args()
    chromium = os.environ.get("LOCKTOLL_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium: run scripts/test, which installs it, or name one by LOCKTOLL_CHROMIUM")
    # Chromium has no sandbox for root; the pages are our own.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        checker = Checker(browser, axe_source(), arguments.shots)
        for page in arguments.pages:
            for finding in checker.check(page):
                print(json.dumps(finding))
        browser.close()


main()
