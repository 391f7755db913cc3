"""Usage and ledger: what an operator adds up, looks through, takes away as a file, and gives back."""

import asyncio
import csv
import json
import re
from pathlib import Path

from playwright.async_api import Page, Route, expect

from tests.browser.axe import assert_accessible
from tests.browser.operator import card, go_to, settled, sign_in
from tests.browser.screens import Screenshot
from tests.browser.watching import Watch
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, open_scene
from tests.support.gateway import ADMIN_TOKEN, Gateway

CENT = 10_000_000
"""In nano-dollars."""
WITHOUT_A_PICKER = "delete window.showSaveFilePicker"
"""As browsers are that cannot ask where a file goes."""
PICKED = """window.showSaveFilePicker = async () =>
  (await navigator.storage.getDirectory()).getFileHandle('picked', {create: true})"""
"""A person who chooses a place; one that the test can read."""
READ_PICKED = """(async () =>
  (await (await (await navigator.storage.getDirectory()).getFileHandle('picked')).getFile()).text())()"""


async def a_month(gateway: Gateway, entries: int) -> Scene:
    """A team with so many ledger entries of 1 cent in 29 days, of which every tenth failed and is free."""
    scene = await open_scene(gateway.services.datastore)
    await write_ledger(scene, entries, cost=CENT)
    return scene


async def test_usage_is_added_up_as_asked(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """By one thing or two, of a team, of a time; the address has the question, the file the answer."""
    scene = await a_month(gateway, 100)
    await gateway.new_team()
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Usage")
    used = card(page, "What was used")
    await expect(used.get_by_role("row", name=scene.team.name)).to_contain_text("$0.90")

    await page.get_by_label("Group by").select_option("Model")
    await page.get_by_label("and by").select_option("User")
    await page.get_by_label("Team").select_option(scene.team.name)
    rows = used.get_by_role("row")
    await expect(rows.nth(1)).to_contain_text("gpt-image")
    await expect(rows.last).to_contain_text("All 3")
    await expect(rows.last).to_contain_text("$0.90")
    await expect(used).to_contain_text("None was named")
    await settled(page)
    await assert_accessible(page)
    await screenshot(page, "usage")

    await page.reload()
    await expect(page).to_have_url(re.compile(r"#/usage\?by=model&and=user&team=team"))
    await expect(rows.last).to_contain_text("All 3")
    async with page.expect_download() as downloading:
        await used.get_by_role("button", name="Download CSV").click()
    download = await downloading.value
    assert re.fullmatch(r"usage-model-user-[\d-]{10}-to-[\d-]{10}\.csv", download.suggested_filename)
    table = list(csv.DictReader((await download.path()).read_text(encoding="utf-8").splitlines()))
    assert sum(int(row["requests"]) for row in table) == 100

    await page.get_by_label("Time").select_option("Dates")
    await page.get_by_label("First day").fill("2020-01-01")
    await page.get_by_label("Last day").fill("2020-01-31")
    await page.get_by_label("Last day").press("Tab")
    await expect(page.get_by_text("Nothing was used in this time.")).to_be_visible()


async def test_usage_says_why_it_cannot_be_told(page: Page, gateway: Gateway, watch: Watch) -> None:
    """A refusal stands where the table would, and another question is answered again."""
    await a_month(gateway, 10)
    watch.allow(400, "/admin/v1/usage")
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Usage")
    await page.get_by_label("Time").select_option("Dates")
    await page.get_by_label("First day").fill("2020-01-01")
    await page.get_by_label("Last day").fill("2022-01-01")
    await page.get_by_label("Last day").press("Tab")
    await expect(page.get_by_role("alert").filter(has_text="by at most 400 days")).to_be_visible()
    await page.get_by_label("Time").select_option("Last 7 days")
    await expect(card(page, "What was used").get_by_role("row").last).to_contain_text("All 1")


async def test_the_ledger_is_looked_through(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """Page by page to the end and back, filtered, with what fits nothing; a reload stays where one was."""
    scene = await a_month(gateway, 120)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Ledger")
    entries = card(page, "Entries")
    rows = entries.get_by_role("row")
    await expect(rows).to_have_count(1 + 50)
    await expect(card(page, "Recent requests")).to_contain_text("No request within the last day.")
    await assert_accessible(page)
    await screenshot(page, "ledger")

    await entries.get_by_role("button", name="Older").click()
    await entries.get_by_role("button", name="Older").click()
    await expect(rows).to_have_count(1 + 20)
    await expect(entries.get_by_role("button", name="Older")).to_have_count(0)
    await page.reload()
    await expect(rows).to_have_count(1 + 20)
    await entries.get_by_role("button", name="Newest").click()
    await expect(rows).to_have_count(1 + 50)
    await expect(rows.nth(1)).to_contain_text(f"req_{119:020d}")

    await entries.get_by_label("Outcome").select_option("failed")
    await entries.get_by_label("User").fill("ana")
    await entries.get_by_role("button", name="Filter").click()
    await expect(rows).to_have_count(1 + 4)
    await expect(page).to_have_url(re.compile(r"outcome=failed&user=ana$"))
    await entries.get_by_label("User").fill("nobody")
    await entries.get_by_label("User").press("Enter")
    await expect(entries.get_by_text("No entry fits this filter.")).to_be_visible()
    await entries.get_by_role("button", name="Clear").click()
    await expect(rows).to_have_count(1 + 50)
    await rows.nth(1).get_by_role("link").click()
    await expect(card(page, f"req_{119:020d}")).to_contain_text(scene.team.name)
    await page.get_by_role("link", name="Ledger").last.click()
    await expect(rows).to_have_count(1 + 50)


async def test_a_short_page_is_not_the_end(page: Page, gateway: Gateway) -> None:
    """What lies behind the entries that one page looks at is found by going on, and joins what was found before."""
    await a_month(gateway, 8_000)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Ledger")
    entries = card(page, "Entries")
    await entries.get_by_label("Request id").fill(f"req_{1:020d}")
    await entries.get_by_role("button", name="Filter").click()
    await expect(entries).to_contain_text("Nothing fits among the entries looked at so far")
    await entries.get_by_role("button", name="Go on looking").click()
    await expect(entries.get_by_role("row")).to_have_count(1 + 1)
    await expect(entries.get_by_role("button", name="Go on looking")).to_have_count(0)


async def test_the_ledger_is_taken_away(page: Page, gateway: Gateway, tmp_path: Path) -> None:
    """As CSV into the downloads, as JSON lines into a place one chooses; one that is stopped leaves nothing."""
    scene = await a_month(gateway, 3_000)
    await page.add_init_script(WITHOUT_A_PICKER)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Ledger")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Export").click()
    await assert_accessible(page)
    async with page.expect_download() as downloading:
        await dialog.get_by_role("button", name="Export").click()
    download = await downloading.value
    assert re.fullmatch(rf"ledger-{scene.team.name}-to-[\d-]{{10}}\.csv", download.suggested_filename)
    table = list(csv.DictReader((await download.path()).read_text(encoding="utf-8").splitlines()))
    assert [table[0]["request"], table[-1]["request"]] == [f"req_{0:020d}", f"req_{2999:020d}"]
    await expect(dialog).to_contain_text("Saved: 3,000 entries")

    await page.evaluate(PICKED)
    await dialog.get_by_label("Format").select_option("jsonl")
    await dialog.get_by_role("button", name="Export").click()
    await expect(dialog).to_contain_text(re.compile(r"Saved: 3,000 entries, \d\.\d+ MB"))
    lines = (await page.evaluate(READ_PICKED)).splitlines()
    assert [json.loads(line)["request"] for line in lines[::2999]] == [f"req_{0:020d}", f"req_{2999:020d}"]

    is_over = asyncio.Event()

    async def silent(route: Route) -> None:
        await is_over.wait()
        await route.abort("aborted")

    await page.route("**/ledger/export*", silent)
    await dialog.get_by_role("button", name="Export").click()
    await dialog.get_by_role("button", name="Stop").click()
    await expect(dialog).to_contain_text("Stopped. Nothing was saved.")
    is_over.set()
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)


async def test_credit_to_a_team(page: Page, gateway: Gateway, watch: Watch, screenshot: Screenshot) -> None:
    """It is asked, given once however often it is pressed, tells what it changed, and stands in the ledger."""
    watch.allow(400, "/ledger/credits")
    scene = await a_month(gateway, 10)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Ledger")
    await page.get_by_role("button", name="Give credit").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Go on").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Amount in dollars")
    await dialog.get_by_label("Amount").fill("5")
    await dialog.get_by_label("Reason").fill("goodwill")
    await dialog.get_by_role("button", name="Go on").click()
    await dialog.get_by_role("button", name="Give $5.00").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("At most $0.09")
    await dialog.get_by_role("button", name="Back").click()
    await dialog.get_by_label("Amount").fill("0.04")
    await dialog.get_by_role("button", name="Go on").click()
    await assert_accessible(page)
    await screenshot(page, "credit")
    await dialog.get_by_role("button", name="Give $0.04").dblclick()
    await expect(dialog).to_contain_text("$0.09 before, $0.05 now")
    await dialog.get_by_role("button", name="Done").click()

    first = card(page, "Entries").get_by_role("row").nth(1)
    await expect(first).to_contain_text("credit")
    await expect(first).to_contain_text("\u2212$0.04")
    await expect(first).to_contain_text("goodwill")
    assert [entry.cost for entry in await gateway.entries(scene.team.id)].count(-4 * CENT) == 1


async def test_a_gateway_without_a_team(page: Page, gateway: Gateway) -> None:
    """Usage and ledger say that there is nothing yet, and lead to where teams are made."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    for name, words in [("Usage", "Nothing has been used yet."), ("Ledger", "No team, no ledger.")]:
        await go_to(page, name)
        await expect(page.get_by_text(words)).to_be_visible()
        await expect(page.get_by_role("main").get_by_role("link")).to_have_attribute("href", "#/teams")
