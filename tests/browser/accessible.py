"""What axe-core finds on a page as it stands, and whether it is wider than its window."""

from __future__ import annotations

from playwright.sync_api import Page

__all__ = ["faults_now", "learn"]

_AXE = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations
    .filter((each) => ["serious", "critical"].includes(each.impact))
    .map((each) => `${each.id}: ${each.nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}"""


def learn(page: Page, axe: str) -> None:
    """`axe` is the library's text; the page's policy has to be passed by for it (`bypass_csp`)."""
    page.add_script_tag(content=axe)


def faults_now(page: Page) -> list[str]:
    """Of a page that has learned it."""
    found: list[str] = page.evaluate(_AXE)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, f"{wide} pixels too wide"] if wide > 0 else found
