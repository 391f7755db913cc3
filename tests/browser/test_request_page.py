"""One request opened, by an operator and by whoever sent it: its stages, its money, its pictures, its error."""

import re
from typing import Any

import httpx
from playwright.async_api import Page, expect

from app.simulator.scenario import Fault, Scenario, Usage
from tests.browser.axe import assert_accessible
from tests.browser.operator import BOAT, card, go_to, settled, sign_in
from tests.browser.screens import Screenshot
from tests.browser.watching import Watch
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import open_scene
from tests.support.gateway import ADMIN_TOKEN, Gateway

HAS_PIXELS = "image => image.decode().then(() => image.naturalWidth)"
COUNT_BLOBS = """globalThis.blobs = new Set();
const {createObjectURL: make, revokeObjectURL: take} = URL;
URL.createObjectURL = blob => {const address = make(blob); blobs.add(address); return address};
URL.revokeObjectURL = address => {take(address); blobs.delete(address)}"""
STAGES = ["authenticate", "normalise", "quote", "admit", "forward", "settle", "record"]


async def post(client: httpx.AsyncClient, **given: Any) -> httpx.Response:
    """Ask for pictures; the answer when it has all come."""
    return await client.post("/v1/images/generations", json=BOAT | given)


async def open_request(page: Page, address: str) -> None:
    """Go to a request by its address in the console."""
    await page.goto(f"console/#{address}")
    await settled(page)


async def actions(gateway: Gateway) -> list[str]:
    """What the audit log has, the newest first."""
    async with gateway.http(ADMIN_TOKEN) as client:
        return [entry["action"] for entry in (await client.get("/admin/v1/audit")).json()["entries"]]


async def test_an_operator_opens_a_request(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """Seven stages, what was changed, how the cost came about, and the picture, when asked for, with an audit entry."""
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        bought = await post(client, style="vivid", user="ana")
    request_id = bought.headers["x-request-id"]
    await page.add_init_script(COUNT_BLOBS)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await open_request(page, f"/ledger/{team.name}/{request_id}")

    facts = card(page, request_id)
    await expect(facts).to_contain_text("delivered")
    await expect(facts).to_contain_text("ana")
    rows = card(page, "Stages").get_by_role("row")
    await expect(rows.get_by_role("rowheader")).to_have_text(STAGES)
    await expect(rows.filter(has_text="forward")).to_contain_text(re.compile(r"[\d.]+ (ms|s)"))
    await expect(rows.filter(has_text="settle")).to_contain_text(re.compile(r"at \d+:\d\d:\d\d"))
    await expect(card(page, "Changed on the way")).to_contain_text("style was left out")
    money = card(page, "Quote and cost")
    await expect(money.get_by_role("row", name="Pictures out")).to_contain_text("$24.00 per million")
    await expect(money.get_by_role("row", name="Charged")).to_contain_text("$0.00474")

    assert "answer.open" not in await actions(gateway)
    await card(page, "Pictures").get_by_role("button", name="Show picture").click()
    picture = page.get_by_role("img", name="Picture 1 of 1")
    assert await picture.evaluate(HAS_PIXELS) == 1024
    assert "answer.open" in await actions(gateway)
    await assert_accessible(page)
    await screenshot(page, "request")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download").click()
    download = await downloading.value
    assert download.suggested_filename == f"{request_id}-1.png"
    assert (await download.path()).read_bytes().startswith(b"\x89PNG")

    assert await page.evaluate("blobs.size") == 1
    await page.get_by_role("link", name="← Ledger").click()
    await settled(page)
    assert await page.evaluate("blobs.size") == 0
    await go_to(page, "Audit")
    opened = f"bootstrap (owner) opened the pictures of the request {request_id} of {team.name}"
    await expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text(opened)


async def test_credit_for_a_request(page: Page, gateway: Gateway) -> None:
    """The request then tells what it costs now, and why."""
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        bought = await post(client)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await open_request(page, f"/ledger/{team.name}/{bought.headers['x-request-id']}")
    await page.get_by_role("button", name="Give credit").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Amount").fill("0.003")
    await dialog.get_by_label("Reason").fill("blurred")
    await dialog.get_by_role("button", name="Go on").click()
    await dialog.get_by_role("button", name="Give $0.003").click()
    await expect(dialog).to_contain_text("Cost of the request")
    await dialog.get_by_role("button", name="Done").click()
    money = card(page, "Quote and cost")
    await expect(money).to_contain_text("after $0.003 of credit")
    await expect(money.get_by_role("row", name="credit")).to_contain_text("blurred")


async def test_a_viewer_sees_all_but_the_picture(page: Page, gateway: Gateway) -> None:
    """No button that changes anything, and a sentence in the place of the picture."""
    team = await gateway.new_team()
    async with gateway.http(await gateway.new_key(team)) as client:
        bought = await post(client)
    async with gateway.http(ADMIN_TOKEN) as client:
        made = await client.post("/admin/v1/tokens", json={"name": "eve", "role": "viewer"})
    await sign_in(page, gateway, made.json()["token"])
    await open_request(page, f"/ledger/{team.name}/{bought.headers['x-request-id']}")
    await expect(card(page, "Pictures")).to_contain_text("Pictures are for owners")
    await expect(page.get_by_role("button", name="Show picture")).to_have_count(0)
    await expect(page.get_by_role("button", name="Give credit")).to_have_count(0)
    await open_request(page, "/ledger")
    await expect(page.get_by_role("button", name="Give credit")).to_be_disabled()


async def test_a_request_tells_when_it_has_ended(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """A teammate watches it being made; then its pictures are there, of a stream too, until they are forgotten."""
    key = await gateway.new_key(await gateway.new_team())
    gateway.simulator.next(Scenario(withhold=True))
    async with gateway.http(key) as client:
        client.headers["prefer"] = "respond-async"
        asked = await post(client, stream=True, partial_images=1)
        request_id = asked.headers["x-request-id"]
        await sign_in(page, gateway, key)
        await open_request(page, f"/mine/{request_id}")
        facts = card(page, request_id)
        await expect(facts).to_contain_text("in progress")
        await assert_accessible(page)
        await screenshot(page, "request-in-progress")

        await gateway.simulator.waiting(1)
        gateway.simulator.release()
        await expect(facts).to_contain_text("It was made and delivered.")
        pictures = card(page, "Pictures")
        await expect(pictures).to_contain_text("would then buy a new one")
        await pictures.get_by_role("button", name="Show picture").click()
        assert await page.get_by_role("img", name="Picture 1 of 1").evaluate(HAS_PIXELS) == 1024
        await expect(pictures).to_contain_text(re.compile(r"\d+ tokens in, \d+ out"))
        await expect(card(page, "Stages").get_by_role("row")).to_have_count(1 + 7 + 1)
        await assert_accessible(page)
        await screenshot(page, "request-of-a-teammate")

        await client.delete(f"/v1/images/requests/{request_id}")
    await page.reload()
    await expect(pictures).to_contain_text("The answer is not kept any more.")


async def test_what_went_wrong_is_told_with_what_to_do(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """An unknown end: its code, its status, what to do, and that it is charged at the quote."""
    team = await gateway.new_team()
    gateway.simulator.next(Scenario(fault=Fault.RESET_BEFORE_HEADERS), Scenario(usage=Usage.ABSURD))
    async with gateway.http(await gateway.new_key(team)) as client:
        lost, odd = await post(client), await post(client)
    assert (lost.status_code, odd.status_code) == (502, 200)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await open_request(page, f"/ledger/{team.name}/{lost.headers['x-request-id']}")
    wrong = card(page, "What went wrong")
    await expect(wrong).to_contain_text("upstream_outcome_unknown")
    await expect(wrong).to_contain_text("Status 502")
    await expect(wrong).to_contain_text("What to do")
    await expect(card(page, "Quote and cost")).to_contain_text("It is charged at the quote")
    await assert_accessible(page)
    await screenshot(page, "request-unknown")
    await open_request(page, f"/ledger/{team.name}/{odd.headers['x-request-id']}")
    await expect(card(page, "Quote and cost")).to_contain_text("one that cannot be believed")


async def test_an_old_request_and_one_there_is_not(page: Page, gateway: Gateway, watch: Watch) -> None:
    """The ledger remembers longer than the record does; what nobody knows is said to be unknown."""
    scene = await open_scene(gateway.services.datastore)
    await write_ledger(scene, 10)
    await sign_in(page, gateway, ADMIN_TOKEN)
    await open_request(page, f"/ledger/{scene.team.id}/req_{0:020d}")
    await expect(card(page, "Stages")).to_contain_text("Times are kept for a day")
    await expect(card(page, "Pictures")).to_contain_text("not kept any more")
    watch.allow(404, "/ledger/requests/")
    await open_request(page, f"/ledger/{scene.team.id}/req_{99:020d}")
    await expect(page.get_by_role("alert")).to_contain_text("has no request")
