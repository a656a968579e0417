"""The watch over every browser test does find what it is there to find."""

import pytest

from tests.browser.watch import Watch

pytestmark = pytest.mark.browser
POLICY = "default-src 'none'; img-src *"
PAGES = {
    "inline": ("<script>alert(1)</script>", "Content Security Policy"),
    "handler": ("<p onclick='x'>", "Content Security Policy"),
    "style": ("<p style='color: red'>", "Content Security Policy"),
    "elsewhere": ("<img src='https://elsewhere.test/dot.png' alt=''>", "Asked https://elsewhere.test/dot.png"),
    "passport": ("<img src='APS/dot.png' alt=''>", "/dot.png"),
}


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_page_that_breaks_its_policy_or_asks_elsewhere_is_noticed(chromium, world, script):
    context = chromium.new_context(java_script_enabled=script)
    watch = Watch(context, [world])
    bodies = {name: body.replace("APS", world.aps_url) for name, (body, _) in PAGES.items()}

    def answer(route):
        body = bodies.get(route.request.url.rsplit("/", 1)[1])
        headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html"}
        route.fulfill(body=body, headers=headers) if body else route.abort()

    context.route("**/trial/*", answer)
    context.route("**/dot.png", answer)
    page = context.new_page()
    for name, (_, fault) in PAGES.items():
        watch.faults.clear()
        page.goto(f"{world.url}/trial/{name}")
        if script or name not in ("inline", "handler"):  # without script there is nothing to refuse
            assert any(fault in each for each in watch.faults), (name, watch.faults)
    page.goto(f"{world.url}/login/")
    watch.faults.clear()
    page.get_by_role("button", name="Sign in with Alliance Passport").click()
    page.wait_for_url(f"{world.aps_url}/**")
    assert watch.faults == []
    context.close()
