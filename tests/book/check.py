"""만든 책(target/book)을 진짜 브라우저(Chromium)로 열어 봅니다: scripts/book-check

쪽마다 넓은 화면과 좁은 화면, 밝은 화면과 어두운 화면, 인쇄를 보고, 한글로 검색해 찾은 곳까지 갑니다. 서버는 쓰지 않습니다.
하나라도 기대와 다르면 모두 출력하고 1로 끝납니다.
"""

import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import sync_playwright

BOOK = Path(__file__).resolve().parents[2] / "target" / "book"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

# 찾을 말과, 결과에 꼭 있어야 하는 쪽.
SEARCHES = {
    "세마포어": "11.8-semaphore.html",
    "공유 메모리": "11.1-threads-vs-processes.html",
    "데드락": "11.7-lock.html",
    "교착 상태": "11.7-lock.html",
    "좀비": "11.4-process.html",
    "종료 신호": "11.5-queue.html",
    "소유권": "11.6-pipe.html",
    "직렬화": "11.3-pool.html",
    "허가(permit)": "11.8-semaphore.html",
    "맥박 파이프": "11.2-what-it-can-do.html",
    "acquire": "11.7-lock.html",
}

# 나란히 있어야 하는 두 상자의 자리. 넓으면 위가 같고 왼쪽이 파이썬, 좁으면 위아래입니다.
PAIRS = """() => [...document.querySelectorAll('.pair')].map((pair) => {
    const [left, right] = [...pair.querySelectorAll(':scope > pre')].map((pre) => pre.getBoundingClientRect());
    return { side: left.top === right.top && left.right < right.left, stacked: left.bottom <= right.top };
})"""

# 화면보다 넓은 것. 코드와 표는 자기 안에서 스크롤하므로 밀어내지 않습니다.
OVERFLOW = """() => ['html', '.content'].map((name) => document.querySelector(name))
    .some((box) => box.scrollWidth > box.clientWidth)"""

# 그려진 그림. 접힌 답 안의 것은 펼쳐서 봅니다. mdBook은 눌렀을 때 크게 보일 것(.img-wrapper)을 하나씩 더 둡니다.
PICTURES = """() => {
    const answers = [...document.querySelectorAll('details:not([open])')];
    answers.forEach((answer) => { answer.open = true; });
    const pictures = [...document.querySelectorAll('main img:not(.img-wrapper *)')].map((img) => {
        return { src: img.getAttribute('src'), shown: img.naturalWidth > 0 && img.width > 0 && img.alt !== '' };
    });
    answers.forEach((answer) => { answer.open = false; });
    return pictures;
}"""

# 글자와 바탕의 대비가 4.5보다 작은 글. 식은 WCAG 2의 것입니다.
FAINT = """() => {
    const parse = (color) => color.match(/[\\d.]+/g).map(Number);
    const light = (color) => parse(color).slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        const color = getComputedStyle(element).backgroundColor;
        return (parse(color)[3] ?? 1) > 0.5 ? color : ground(element.parentElement);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const faint = new Set();
    let looked = 0;
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim()) continue;
        if (!element.closest('main, .sidebar') || !element.checkVisibility()) continue;
        const [a, b] = [getComputedStyle(element).color, ground(element)].map(light).sort((a, b) => b - a);
        looked += 1;
        if ((a + 0.05) / (b + 0.05) < 4.5) faint.add(texts.currentNode.data.trim().slice(0, 30));
    }
    return { looked, faint: [...faint] };
}"""

problems = []


def expect(right, place, what):
    if not right:
        problems.append(f"{place}: {what}")


def open_page(browser, path, **options):
    page = browser.new_page(**options)
    page.on("console", lambda said: expect(said.type not in ("error", "warning"), path, f"콘솔: {said.text}"))
    page.on("pageerror", lambda error: expect(False, path, f"스크립트의 에러: {error}"))
    page.on("request", lambda asked: expect(asked.url.startswith(("file:", "data:")), path, f"밖에서 받는 것: {asked.url}"))
    # 책 전체를 담은 쪽(print.html)은 열리자마자 인쇄를 시작합니다. 여기서는 인쇄를 직접 합니다.
    page.add_init_script("window.print = () => {}")
    page.goto((BOOK / path).as_uri())
    page.add_style_tag(content="* { transition: none !important; }")
    return page


def readable(page, path, scheme):
    page.evaluate("() => document.querySelectorAll('details').forEach((answer) => { answer.open = true; })")
    seen = page.evaluate(FAINT)
    expect(seen["looked"] > 0, path, "글이 없습니다")
    expect(not seen["faint"], path, f"대비가 4.5보다 작은 글({scheme}): {seen['faint']}")


def look_at(browser, path):
    """쪽 하나. 나란히 놓인 짝의 수를 반환합니다."""
    page = open_page(browser, path, viewport=WIDE, color_scheme="light")
    pairs = page.evaluate(PAIRS)
    expect(all(pair["side"] for pair in pairs), path, "1440픽셀에서 파이썬과 Rust가 나란하지 않습니다")
    expect(not page.evaluate(OVERFLOW), path, "1440픽셀보다 넓습니다")
    for picture in page.evaluate(PICTURES):
        expect(picture["shown"], path, f"그림이나 대체 글이 없습니다: {picture['src']}")
    for link in page.evaluate("() => [...document.querySelectorAll('main a[href]')].map((a) => a.href)"):
        url = urlsplit(link)
        if url.scheme == "file":
            target = Path(unquote(url.path))
            exists = target.is_file() and (not url.fragment or f'id="{unquote(url.fragment)}"' in target.read_text())
            expect(exists, path, f"끊긴 링크: {unquote(link)}")

    page.set_viewport_size(NARROW)
    expect(all(pair["stacked"] for pair in page.evaluate(PAIRS)), path, "390픽셀에서 위아래로 놓이지 않습니다")
    expect(not page.evaluate(OVERFLOW), path, "390픽셀보다 넓습니다")

    # 브라우저가 인쇄하기 직전의 모습입니다.
    page.evaluate("() => addEventListener('beforeprint', () => { window.folded = document.querySelectorAll('details:not([open])').length; })")
    page.pdf()
    expect(page.evaluate("() => window.folded") == 0, path, "인쇄할 때 접힌 답이 있습니다")
    readable(page, path, "밝은 화면")
    page.close()

    page = open_page(browser, path, viewport=WIDE, color_scheme="dark")
    readable(page, path, "어두운 화면")
    page.close()
    return len(pairs)


def search(browser, words, wanted, viewport):
    place = f"검색 '{words}'({viewport['width']}픽셀)"
    page = open_page(browser, "index.html", viewport=viewport)
    page.click("#mdbook-search-toggle")
    page.locator("#mdbook-searchbar").press_sequentially(words)
    hits = page.locator("#mdbook-searchresults a")
    try:
        hits.first.wait_for(timeout=5000)
    except Exception:
        return expect(False, place, "결과가 없습니다")
    addresses = [hit.get_attribute("href") for hit in hits.all()]
    expect(any(wanted in address for address in addresses), place, f"{wanted}이 결과에 없습니다")
    hits.first.click()
    mark = page.locator("main mark").first
    try:
        mark.wait_for(state="attached", timeout=5000)
    except Exception:
        return expect(False, place, "열린 쪽에 찾은 말이 없습니다")
    in_sight = """() => [...document.querySelectorAll('main mark')].some((mark) => {
        const { top, bottom, height } = mark.getBoundingClientRect();
        return height > 0 && top >= 0 && bottom <= innerHeight;
    })"""
    try:
        # 표시한 뒤에 그리로 옮겨 갑니다.
        page.wait_for_function(in_sight, timeout=5000)
    except Exception:
        expect(False, place, "열린 쪽의 찾은 말이 화면에 보이지 않습니다")
    page.close()


def main():
    pages = sorted(str(page.relative_to(BOOK)) for page in BOOK.glob("*.html") if page.name not in ("404.html", "toc.html"))
    pages.append("exercises/index.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"])
        pairs = sum(look_at(browser, page) for page in pages)
        for words, wanted in SEARCHES.items():
            for viewport in (WIDE, NARROW):
                search(browser, words, wanted, viewport)
        browser.close()
    expect(len(pages) > 15 and pairs > 20, "책", f"쪽 {len(pages)}개, 나란한 코드 {pairs}쌍뿐입니다")
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"쪽 {len(pages)}개, 나란한 코드 {pairs}쌍, 검색 {len(SEARCHES)}개를 보았습니다. 어긋난 것은 {len(problems)}개입니다.")
    sys.exit(1 if problems else 0)


main()
