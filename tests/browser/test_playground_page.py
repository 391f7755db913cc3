"""The playground: a picture is described, its cost is seen, it is made, and it is found again."""

import asyncio
import os
import re
import sys
from pathlib import Path

from playwright.async_api import Locator, Page, Route, expect

from app.accounts.models import Budget, Limits
from app.ledger.models import Entry
from app.money import Money, dollars
from app.simulator.scenario import Fault, Scenario
from tests.browser.axe import assert_accessible
from tests.browser.operator import card, copied, go_to, settled, sign_in
from tests.browser.screens import Screenshot
from tests.browser.watching import Watch, secrets_on
from tests.support.gateway import ADMIN_TOKEN, Gateway

DOLLAR = 10**9
LIMITED = Limits(budget=Budget(Money(DOLLAR), "month"))
ENOUGH_FOR_A_GIF = Limits(budget=Budget(Money(15 * DOLLAR), "month"))
WORDS = "A paper boat on a quiet lake"
LAST_EVENT_LATER = Scenario(fault=Fault.STALL_MID_BODY, fault_at=0, fault_event=2)
"""A stream that stops before its completed event, behind two partial pictures, until it is released."""
HAS_PIXELS = "image => image.decode().then(() => image.naturalWidth)"


def labelled(page: Page, label: str) -> Locator:
    """A field by the whole of its label."""
    return page.get_by_label(label, exact=True)


async def describe(page: Page, prompt: str = WORDS) -> None:
    """Fill in a small picture, and see what it would cost."""
    await labelled(page, "Prompt").fill(prompt)
    await labelled(page, "Size").select_option("1024x1024")
    await labelled(page, "Quality").select_option("low")
    await expect(card(page, "Cost")).to_contain_text("for 1 picture")


async def open_playground(page: Page, gateway: Gateway, limits: Limits | None = None) -> str:
    """Sign in as somebody of a new team, and go to the playground; the team's id."""
    team = await gateway.new_team(limits)
    await sign_in(page, gateway, await gateway.new_key(team))
    await go_to(page, "Playground")
    return team.id


async def test_from_a_prompt_to_a_kept_picture(
    page: Page, gateway: Gateway, screenshot: Screenshot, watch: Watch, tmp_path: Path
) -> None:
    """The cost is seen before and after, partial pictures meanwhile; it outlives a reload; a revoked key buys none."""
    team_id = await open_playground(page, gateway, LIMITED)
    await expect(card(page, "Kept pictures")).to_contain_text("No pictures are kept")
    await expect(card(page, "Cost")).to_contain_text("Write what the picture should show")
    await assert_accessible(page)
    await describe(page)
    await expect(card(page, "Cost")).to_contain_text("At most$0.0")
    await expect(card(page, "Cost")).to_contain_text("What is left: $1.00")
    await settled(page)
    await screenshot(page, "playground-quote")

    gateway.simulator.next(LAST_EVENT_LATER)
    await page.get_by_role("button", name="Make").dblclick()
    stage = card(page, "Picture")
    await expect(stage.get_by_alt_text("Partial picture 2")).to_be_visible()
    await expect(stage.get_by_role("button", name="Cancel")).to_be_visible()
    await screenshot(page, "playground-making")
    await gateway.simulator.waiting(1)
    gateway.simulator.release()

    picture = stage.get_by_role("img", name=f"Picture 1: {WORDS}")
    await expect(picture).to_be_visible()
    assert await picture.evaluate(HAS_PIXELS) == 1024
    (entry,) = await gateway.entries(team_id)
    assert gateway.simulator.pictures == 1
    await expect(stage).to_contain_text(f"Cost${dollars(entry.cost)}")
    await settled(page)
    await expect(stage).to_contain_text(f"Tokens{entry.text_input + entry.image_output}")
    await assert_accessible(page)
    await screenshot(page, "playground-made")

    await page.reload()
    await found_again(page, entry)
    assert len(await gateway.entries(team_id)) == 1
    code = await copied_code(page)
    assert await ran(code, await gateway.new_key(await gateway.new_team()), tmp_path) == ["picture-1.png"]
    assert not await secrets_on(page)

    watch.allow(401, "/v1/")
    async with gateway.http(ADMIN_TOKEN) as operator:
        revoked = await operator.post(f"/admin/v1/teams/{team_id}/keys/tester/revoke")
        assert revoked.status_code == 200
    await page.get_by_role("button", name="Make").click()
    await expect(stage.get_by_role("alert")).to_contain_text("This virtual key is revoked.")
    await expect(stage.get_by_role("alert")).to_contain_text("Sign out, and in again with a key that works.")
    await expect(stage.get_by_role("alert")).to_contain_text("revoked_api_key")
    await expect(card(page, "Kept pictures").get_by_role("alert")).to_contain_text("This virtual key is revoked.")
    await screenshot(page, "playground-refused")


async def found_again(page: Page, entry: Entry) -> None:
    """The one kept picture is there with its prompt and its cost, and can be saved."""
    await expect(labelled(page, "Prompt")).to_have_value(WORDS)
    kept = card(page, "Kept pictures").get_by_role("listitem")
    await expect(kept).to_have_count(1)
    await expect(kept).to_contain_text(f"{WORDS}gpt-image-2${dollars(entry.cost)}")
    await kept.scroll_into_view_if_needed()
    assert await kept.get_by_role("img").evaluate(HAS_PIXELS) == 1024
    await labelled(page, "Prompt").fill("Another boat")
    await kept.get_by_role("button", name="Use these settings again").click()
    await expect(labelled(page, "Prompt")).to_have_value(WORDS)
    await expect(labelled(page, "Quality")).to_have_value("low")
    async with page.expect_download() as downloading:
        await kept.get_by_role("link", name="Download picture 1").click()
    download = await downloading.value
    assert download.suggested_filename == f"{entry.request}-1.png"
    assert (await download.path()).read_bytes().startswith(b"\x89PNG")


async def copied_code(page: Page) -> str:
    """The code that would make the kept picture once more, in Python."""
    await card(page, "Kept pictures").get_by_role("button", name="SDK code").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Copy").first.click()
    await assert_accessible(page)
    await dialog.get_by_role("button", name="Close").click()
    return await copied(page)


async def ran(code: str, key: str, folder: Path) -> list[str]:
    """Run Python code as its reader would, with a key in the environment; the files it has made."""
    (folder / "made").mkdir()
    environment = {**os.environ, "OPENAI_API_KEY": key}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=folder / "made", env=environment)
    assert await process.wait() == 0, code
    return [path.name for path in sorted((folder / "made").iterdir())]


async def test_an_operator_tries_models_with_a_virtual_key(
    page: Page, gateway: Gateway, screenshot: Screenshot, watch: Watch, tmp_path: Path
) -> None:
    """A key is asked for; fields follow the model; what the gateway finds wrong stands at the field it is about."""
    team = await gateway.new_team(ENOUGH_FOR_A_GIF)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Playground")
    await labelled(page, "Virtual key").fill(ADMIN_TOKEN)
    await page.get_by_role("button", name="Use this key").click()
    await expect(page.get_by_role("alert")).to_contain_text("This is no virtual key")
    await assert_accessible(page)
    await screenshot(page, "playground-key")
    await labelled(page, "Virtual key").fill(await gateway.new_key(team))
    await page.get_by_role("button", name="Use this key").click()
    await expect(page.get_by_text("Pictures are charged to the key")).to_be_visible()
    assert not await secrets_on(page)

    await describe(page)
    await expect(labelled(page, "Complexity")).to_have_count(0)
    await labelled(page, "Model").select_option("gpt-image-2.6-flare")
    await page.get_by_text("More settings").click()
    await expect(labelled(page, "Complexity")).to_be_visible()
    await expect(labelled(page, "Quality")).to_have_value("low")
    await expect(labelled(page, "Frames")).to_be_hidden()
    await labelled(page, "File format").select_option("gif")
    await expect(labelled(page, "Frames")).to_be_visible()
    await expect(labelled(page, "Partial pictures")).to_be_hidden()
    await expect(labelled(page, "Background").get_by_role("option", name="transparent")).to_be_disabled()

    watch.allow(400, "/v1/images/quote")
    await labelled(page, "Frames").fill("99")
    await expect(labelled(page, "Frames")).to_have_attribute("aria-invalid", "true")
    await expect(labelled(page, "Frames")).to_have_accessible_description(re.compile("Expected a value <= 16"))
    await labelled(page, "File format").select_option("png")
    await labelled(page, "Size").select_option("Another size …")
    await labelled(page, "Your size").fill("100x100")
    await expect(labelled(page, "Your size")).to_have_accessible_description(re.compile("divisible by 16"))
    watch.allow(400, "/v1/images/generations")
    await page.get_by_role("button", name="Make").click()
    await expect(card(page, "Picture").get_by_role("alert")).to_contain_text("Change it and try again.")
    await expect(labelled(page, "Your size")).to_be_focused()
    await assert_accessible(page)
    await screenshot(page, "playground-wrong")

    await labelled(page, "File format").select_option("gif")
    await labelled(page, "Frames").fill("2")
    await labelled(page, "Size").select_option("1024x1024")
    await labelled(page, "Pictures").fill("10")
    await expect(card(page, "Cost")).to_contain_text("This would be refused now.")
    await change_a_picture(page, tmp_path)
    assert len(await gateway.entries(team.id)) == 1


async def change_a_picture(page: Page, folder: Path) -> None:
    """Make a moving picture, which is never streamed, out of a picture of the page as it is."""
    await page.screenshot(path=folder / "page.png")
    await labelled(page, "Pictures").fill("")
    await describe(page)
    await page.get_by_role("radio", name="From pictures and a prompt").check()
    await expect(card(page, "Cost")).to_contain_text("Add a picture to change.")
    await labelled(page, "Pictures to change").set_input_files(folder / "page.png")
    await expect(page.get_by_role("listitem").filter(has_text="page.png")).to_be_visible()
    await expect(card(page, "Cost")).to_contain_text("for 1 picture")
    await page.get_by_role("button", name="Make").click()
    picture = card(page, "Picture").get_by_role("img", name=f"Picture 1: {WORDS}")
    assert await picture.evaluate(HAS_PIXELS) == 1024
    await expect(card(page, "Picture").get_by_role("link", name="Download")).to_have_attribute(
        "download", re.compile(r"\.gif$")
    )
    await labelled(page, "Pictures").fill("2")
    await card(page, "Cost").get_by_role("button", name="SDK code").click()
    await page.get_by_role("tab", name="curl").click()
    await expect(page.get_by_role("tabpanel")).to_contain_text("while read -r image; do")
    await page.get_by_role("dialog").get_by_role("button", name="Close").click()


async def test_nothing_is_bought_twice_on_a_bad_way(page: Page, gateway: Gateway, watch: Watch) -> None:
    """Cancelled, cut off, and of unknown end: each time it is said what is charged, and found what was bought."""
    team_id = await open_playground(page, gateway)
    stage = card(page, "Picture")
    picture = stage.get_by_role("img", name=re.compile("Picture 1"))
    await describe(page)

    gateway.simulator.next(LAST_EVENT_LATER)
    await page.get_by_role("button", name="Make").click()
    await expect(stage.get_by_alt_text("Partial picture 2")).to_be_visible()
    await stage.get_by_role("button", name="Cancel").click()
    await expect(stage).to_contain_text("the picture is finished and charged all the same")
    await assert_accessible(page)
    await gateway.simulator.waiting(1)
    gateway.simulator.release()
    await stage.get_by_role("button", name="Look for it").click()
    await expect(picture).to_be_visible()
    assert len(await gateway.entries(team_id)) == 1

    async def cut_off(route: Route) -> None:
        await route.fetch()
        await route.abort("aborted")

    await page.route("**/v1/images/generations", cut_off, times=1)
    await page.get_by_role("button", name="Make").click()
    await expect(picture).to_be_visible()
    assert await picture.evaluate(HAS_PIXELS) == 1024
    assert len(await gateway.entries(team_id)) == gateway.simulator.pictures == 2

    async def never_sent(route: Route) -> None:
        await route.abort("aborted")

    await page.route("**/v1/images/generations", never_sent, times=1)
    await page.get_by_role("button", name="Make").click()
    await expect(stage.get_by_role("alert")).to_contain_text("nothing was bought")
    await stage.get_by_role("button", name="Send it again").click()
    await expect(picture).to_be_visible()
    assert len(await gateway.entries(team_id)) == gateway.simulator.pictures == 3

    watch.allow(502, "/v1/images/generations")
    gateway.simulator.next(Scenario(fault=Fault.RESET_BEFORE_HEADERS))
    await page.get_by_role("button", name="Make").click()
    await expect(stage.get_by_role("alert")).to_contain_text("upstream_outcome_unknown")
    await expect(stage.get_by_role("alert")).to_contain_text("Making it again buys another one.")
    assert len(await gateway.entries(team_id)) == gateway.simulator.pictures == 4
