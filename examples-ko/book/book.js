// mdBook이 하지 않는 것입니다: 한글 검색, 찾은 곳으로 가기, 인쇄할 때 답 펼치기, 그림의 칸 맞추기, 짝인 번호 돋보이기.

// mdBook의 색인은 한글을 낱말로 세지 않습니다. 색인에 함께 든 글을 직접 찾습니다. 조사가 붙은 말도 찾습니다.
elasticlunr.Index.prototype.search = function (query) {
    const words = query.toLowerCase().split(/\s+/);
    const points = ({ title, body }) => Math.min(...words.map((word) => {
        const times = body.toLowerCase().split(word).length - 1;
        return title.toLowerCase().includes(word) ? times + 9 : times;
    }));
    return Object.entries(this.documentStore.docs)
        .map(([ref, doc]) => ({ ref, doc, points: points(doc) }))
        .filter((section) => section.points > 0)
        .sort((a, b) => b.points - a.points);
};

// mdBook은 글쇠를 눌렀을 때만 찾습니다. 붙여 넣거나 휴대 전화로 입력한 말도 찾게 합니다.
const searchbar = document.getElementById('mdbook-searchbar');
searchbar.addEventListener('input', () => searchbar.dispatchEvent(new Event('keyup')));

// 몇 개를 찾았는지 한국어로 알립니다.
const header = document.getElementById('mdbook-searchresults-header');
new MutationObserver(() => {
    const [, count, words] = header.textContent.match(/^(No|\d+) search results? for '(.*)'/) ?? [];
    if (count) header.textContent = `'${words}' 검색 결과 ${count === 'No' ? 0 : count}개`;
}).observe(header, { childList: true });

// 주소에 찾을 말이 있으면(?search=) mdBook이 위의 줄보다 먼저 찾았을 수 있으므로 다시 찾게 합니다.
const asked = searchbar.value;
for (const words of asked ? ['.', asked] : []) {
    searchbar.value = words;
    searchbar.dispatchEvent(new Event('keyup'));
}

// 검색 결과를 누르면 절의 제목이 아니라 찾은 말로 갑니다. 접힌 답 안에 있으면 펼칩니다.
const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
const found = [...document.querySelectorAll('main mark')].find((mark) => {
    return !target || target.compareDocumentPosition(mark) & (4 | 16);
});
found?.closest('details')?.setAttribute('open', '');
// 브라우저가 절의 제목으로 간 뒤에 옮깁니다.
addEventListener('load', () => setTimeout(() => found?.scrollIntoView({ block: 'center' })));

// 인쇄에는 접힌 답도 나옵니다.
const answers = document.querySelectorAll('details:not([open])');
addEventListener('beforeprint', () => answers.forEach((answer) => { answer.open = true; }));
addEventListener('afterprint', () => answers.forEach((answer) => { answer.open = false; }));

// 언어를 적지 않은 상자는 글자로 그린 그림입니다. 한글이 두 칸이 아닌 글꼴에서도 선이 이어지게 합니다.
for (const picture of document.querySelectorAll('pre > code:not([class*=language-])')) {
    picture.innerHTML = picture.textContent.replace(/[&<]/g, (c) => `&#${c.charCodeAt()};`)
        .replace(/[가-힣]/g, '<span class="wide">$&</span>');
}

// 두 언어의 같은 번호가 눈에 띄게 합니다.
for (const comment of document.querySelectorAll('.pair .hljs-comment')) {
    comment.innerHTML = comment.innerHTML.replace(/[①-⑳]/g, '<b class="mark">$&</b>');
}
